import { expect, test } from 'vitest'
import { CliError } from '../agent/cli-error.ts'
import { withRetry } from './retry.ts'

const failing = (...codes: ConstructorParameters<typeof CliError>[0][]) => {
  const tries: number[] = []
  const attempt = async (remainingMs: number) => {
    tries.push(remainingMs)
    const code = codes[tries.length - 1]
    if (code) throw new CliError(code, 'no', code === 'rate_limited' ? { retryAfterMs: 120 } : {})
    return 'done'
  }
  return { tries, attempt }
}

test('what may go away is tried again until it works', async () => {
  const { tries, attempt } = failing('unreachable', 'overloaded')
  expect(await withRetry(attempt, { timeoutMs: 60_000 })).toBe('done')
  expect(tries).toHaveLength(3)
})

test('a refusal is not tried again', async () => {
  for (const code of ['insufficient_funds', 'not_found', 'bad_answer', 'fault', 'unauthenticated'] as const) {
    const { tries, attempt } = failing(code)
    await expect(withRetry(attempt, { timeoutMs: 60_000 })).rejects.toMatchObject({ code })
    expect(tries).toHaveLength(1)
  }
})

test('it never waits for less than it was asked to', async () => {
  const { attempt } = failing('rate_limited')
  const waits: number[] = []
  await withRetry(attempt, { timeoutMs: 60_000, onWait: (_, delayMs) => waits.push(delayMs) })
  expect(waits).toHaveLength(1)
  expect(waits[0]).toBeGreaterThanOrEqual(120)
})

test('it gives up with the last failure when the time is up', async () => {
  const startMs = performance.now()
  const { attempt } = failing(...(Array(1000).fill('unreachable') as 'unreachable'[]))
  await expect(withRetry(attempt, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'unreachable', exit: 6 })
  expect(performance.now() - startMs).toBeLessThan(1_000)
})

test('an interruption ends the wait', async () => {
  const { attempt } = failing('rate_limited', 'rate_limited')
  const signal = AbortSignal.timeout(20)
  await expect(withRetry(attempt, { timeoutMs: 60_000, signal })).rejects.toMatchObject({ code: 'interrupted', exit: 130 })
})
