import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../agent/cli-error.ts'
import { fullJitterMs } from './backoff.ts'
import type { Daemon } from './daemon-context.ts'

/**
 * Repeat a turn until the daemon stops. A turn that fails is repeated after a random, growing time, at most 60 s; the first failure of a row and the end
 * of the row are told, the rest is silence.
 *
 * @param turn - Returns how long to rest before the next one, ms.
 */
export async function runLoop(daemon: Daemon, name: string, turn: () => Promise<number>): Promise<void> {
  const { signal, emit } = daemon
  let failures = 0
  while (!signal.aborted) {
    let restMs: number
    try {
      restMs = await turn()
      if (failures > 0) emit('recovered', { loop: name })
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      if (failures === 0) emit('warning', { loop: name, ...describeFault(error) })
      restMs = Math.max(fullJitterMs(++failures), retryAfterMs(error))
    }
    await sleep(restMs, undefined, { signal }).catch(() => undefined)
  }
}

/** The code and words of an error, without its stack or anything secret. */
export function describeFault(error: unknown): { code: string; message: string } {
  if (error instanceof CliError) return { code: error.code, message: error.message }
  return { code: 'fault', message: error instanceof Error ? error.message : 'unknown fault' }
}

function retryAfterMs(error: unknown): number {
  return error instanceof CliError ? (error.retryAfterMs ?? 0) : 0
}
