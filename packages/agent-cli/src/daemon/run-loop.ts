import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../agent/cli-error.ts'
import { BACKOFF_MAX_MS, fullJitterMs } from './backoff.ts'
import type { Daemon } from './daemon-context.ts'

/**
 * Repeat a turn until the daemon stops. A turn that fails is repeated after a random, growing time, at most 60 s, or when the platform is known to be back;
 * the first failure of a row and the end of the row are told, the rest is silence.
 *
 * @param turn - Returns how long to rest before the next one, ms.
 * @param options.pauseMaxMs - The most to wait after a failure, in the place of 60 s.
 * @param options.onRecovered - Told of the end of a row of failures.
 */
export async function runLoop(
  daemon: Daemon,
  name: string,
  turn: () => Promise<number>,
  { pauseMaxMs = BACKOFF_MAX_MS, onRecovered }: { pauseMaxMs?: number; onRecovered?: () => void } = {},
): Promise<void> {
  const { signal, emit, recovery } = daemon
  let failures = 0
  while (!signal.aborted) {
    try {
      const restMs = await turn()
      if (failures > 0) {
        emit('recovered', { loop: name })
        onRecovered?.()
      }
      failures = 0
      await sleep(restMs, undefined, { signal }).catch(() => undefined)
    } catch (error) {
      if (signal.aborted) return
      if (failures === 0) emit('warning', { loop: name, ...describeFault(error) })
      const askedMs = retryAfterMs(error)
      // What the platform asks for is waited, whatever else has come back.
      if (askedMs > 0) await sleep(askedMs, undefined, { signal }).catch(() => undefined)
      await recovery.pause(Math.max(0, fullJitterMs(++failures, Math.random, pauseMaxMs) - askedMs), signal)
    }
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
