import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { aliveUntilMs, decideInterval, graceOf, spread, TARGET_BEATS_PER_SECOND } from './rules.ts'

test.each([
  [0, 5_000],
  [1, 5_000],
  [5_000, 5_000],
  [5_001, 5_001],
  [60_000, 60_000],
  [300_000, 300_000],
  [10_000_000, 300_000],
])('with %i agents online the interval is %i ms', (online, intervalMs) => {
  expect(decideInterval(online)).toBe(intervalMs)
})

test.each([
  [0, 5_000, 5_000],
  [0, 60_000, 60_000],
  [0, 300_000, 300_000],
  [60_000, 10_000, 60_000],
])('with %i online, who asks for %i ms gets %i ms: less often, never more', (online, askedMs, intervalMs) => {
  expect(decideInterval(online, askedMs)).toBe(intervalMs)
})

property.prop([fc.integer({ min: 0, max: 10_000_000 }), fc.option(fc.integer({ min: 5_000, max: 300_000 }), { nil: undefined })])(
  'an interval keeps beats near the target, within its bounds, and grows with the number of agents',
  (online, askedMs) => {
    const intervalMs = decideInterval(online, askedMs)
    expect(intervalMs).toBeGreaterThanOrEqual(Math.max(5_000, askedMs ?? 0))
    expect(intervalMs).toBeLessThanOrEqual(300_000)
    expect(decideInterval(online + 1_000, askedMs)).toBeGreaterThanOrEqual(intervalMs)
    if (intervalMs < 300_000) expect(online / (intervalMs / 1_000)).toBeLessThanOrEqual(TARGET_BEATS_PER_SECOND * 1.001)
  },
)

property.prop([fc.integer({ min: 5_000, max: 300_000 }), fc.nat().map((drawn) => drawn / 2 ** 31)])(
  'the next beat comes after one to one and a half intervals, and grace outlasts it',
  (intervalMs, random) => {
    const nextMs = spread(intervalMs, random)
    expect(nextMs).toBeGreaterThanOrEqual(intervalMs)
    expect(nextMs).toBeLessThanOrEqual(intervalMs * 1.5)
    expect(graceOf(intervalMs)).toBeGreaterThan(nextMs)
  },
)

test('a deadline is nine intervals away, three for a busy agent', () => {
  expect(aliveUntilMs({ lastBeatAtMs: 1_000, intervalMs: 5_000, busy: false })).toBe(46_000)
  expect(aliveUntilMs({ lastBeatAtMs: 1_000, intervalMs: 5_000, busy: true })).toBe(16_000)
})
