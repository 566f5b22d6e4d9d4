import { expect, test } from 'vitest'
import { createWakeup } from './wakeup.ts'

const never = new AbortController().signal

async function tookMs(wait: Promise<void>): Promise<number> {
  const startMs = performance.now()
  await wait
  return performance.now() - startMs
}

test('whoever waits is woken', async () => {
  const bell = createWakeup()
  setTimeout(bell.wake, 20)
  expect(await tookMs(bell.wait(60_000, never))).toBeLessThan(50_000)
})

test('a ring nobody heard is heard by the next who listens, once', async () => {
  const bell = createWakeup()
  bell.wake()
  bell.wake()
  expect(await tookMs(bell.wait(60_000, never))).toBeLessThan(50_000)
  expect(await tookMs(bell.wait(30, never))).toBeGreaterThan(20)
})

test('an aborted signal ends the wait, or lets none begin', async () => {
  const bell = createWakeup()
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 20)
  expect(await tookMs(bell.wait(60_000, stop.signal))).toBeLessThan(50_000)
  expect(await tookMs(bell.wait(60_000, stop.signal))).toBeLessThan(50_000)
})
