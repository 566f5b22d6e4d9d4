import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Log, LogFields } from './log.ts'
import { type Sweep, startSweeper } from './sweep.ts'

interface Line extends LogFields {
  readonly at: string
  readonly event: string
}

function start(sweeps: readonly Sweep[], now = Date.now, monotonic = now) {
  const lines: Line[] = []
  const write =
    (at: string) =>
    (event: string, fields: LogFields = {}) =>
      void lines.push({ at, event, ...fields })
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  return { lines, sweeper: startSweeper(sweeps, { log, now, monotonic, tickMs: 5 }) }
}

const PATIENT = { timeout: 20_000, interval: 5 }

test('sweeps run one after another, never two at once, however long one takes', async () => {
  let atWork = 0
  let most = 0
  let runs = 0
  const run = async () => {
    most = Math.max(most, ++atWork)
    await sleep(20)
    atWork--
    runs++
    return 0
  }
  const { sweeper } = start([
    { name: 'one', everyMs: 0, run },
    { name: 'two', everyMs: 0, run },
  ])
  await expect.poll(() => runs, PATIENT).toBeGreaterThan(4)
  await sweeper.stop()
  const before = runs
  await sleep(60)

  expect(most).toBe(1)
  expect(runs).toBe(before)
  expect(atWork).toBe(0)
})

test('a sweep runs at the start and then as often as it asks for', async () => {
  let nowMs = 0
  let runs = 0
  let looks = 0
  const often: Sweep = { name: 'often', everyMs: 0, run: async () => ++looks }
  const { sweeper } = start([{ name: 'slow', everyMs: 1_000, run: async () => ++runs }, often], () => nowMs)
  const runsAt = async (ms: number) => {
    nowMs = ms
    // The first look that follows may have begun before.
    const before = looks
    await expect.poll(() => looks, PATIENT).toBeGreaterThan(before + 2)
    return runs
  }

  expect([await runsAt(0), await runsAt(999), await runsAt(1_000), await runsAt(1_500), await runsAt(2_000)]).toEqual([
    1, 1, 2, 2, 3,
  ])
  await sweeper.stop()
})

test('a clock that is set back holds no sweep up, nor does one that stands still', async () => {
  let nowMs = 3_600_000
  let upMs = 0
  let runs = 0
  const sweep = { name: 'steady', everyMs: 1_000, run: async () => ++runs }
  const { sweeper } = start(
    [sweep],
    () => nowMs,
    () => upMs,
  )
  await expect.poll(() => runs).toBe(1)
  nowMs = 0
  upMs = 1_000
  await expect.poll(() => runs).toBe(2)
  nowMs = 3_600_000
  await expect.poll(() => runs).toBe(3)
  await sweeper.stop()
})

test('a sweep that fails is logged and holds up no other', async () => {
  const { lines, sweeper } = start([
    { name: 'broken', everyMs: 60_000, run: () => Promise.reject(new Error('no such table')) },
    { name: 'whole', everyMs: 60_000, run: async () => 3 },
  ])
  await expect.poll(() => lines.length, PATIENT).toBe(2)
  await sweeper.stop()

  expect(lines).toEqual([
    { at: 'error', event: 'sweep.broken', stack: expect.stringContaining('no such table\n    at ') },
    { at: 'debug', event: 'sweep.whole', count: 3 },
  ])
})
