import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../agent/cli-error.ts'

const FIRST_DELAY_MS = 200
const DELAY_MAX_MS = 5_000

/** What may go away by asking again: nobody answered, or the platform said "not now". */
const RETRIED: ReadonlySet<string> = new Set([
  'unreachable',
  'request_timeout',
  'rate_limited',
  'overloaded',
  'storage_full',
  'shutting_down',
  'unavailable',
  'idempotency_in_progress',
])

export interface RetryOptions {
  /** All tries together, ms. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Told before each wait. */
  readonly onWait?: ((error: CliError, delayMs: number) => void) | undefined
}

/**
 * Try until it works, is refused for good, or the time is up. Waits a random time below a bound that doubles (full jitter, ≤ 5 s), and
 * never less than the platform asked for.
 *
 * @param attempt - Gets the time that is left, ms.
 * @throws CliError the last failure, or `interrupted`.
 */
export async function withRetry<T>(
  attempt: (remainingMs: number) => Promise<T>,
  { timeoutMs, signal, onWait }: RetryOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(Math.max(1, endMs - performance.now()))
    } catch (error) {
      if (!(error instanceof CliError) || !RETRIED.has(error.code)) throw error
      const jitterMs = Math.random() * Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** tries)
      const delayMs = Math.max(jitterMs, error.retryAfterMs ?? 0)
      if (performance.now() + delayMs >= endMs) throw error
      onWait?.(error, delayMs)
      await wait(delayMs, signal)
    }
  }
}

async function wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal })
  } catch (error) {
    throw new CliError('interrupted', 'interrupted', { cause: error })
  }
}
