import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { drawCoverPauseMs, drawDelayMs, HANDOFF_DELAYS } from './handoff-delay.ts'

const MAX_MS = { none: 0, balanced: 180_000, private: 2_400_000 }
const MEAN_MS = { none: 0, balanced: 30_000, private: 600_000 }

property.prop([fc.constantFrom(...HANDOFF_DELAYS), fc.nat().map((drawn) => drawn / 2 ** 31)])(
  'a delay is a whole number of milliseconds between none and the stated most',
  (delay, drawn) => {
    const ms = drawDelayMs(delay, () => drawn)
    expect(Number.isInteger(ms)).toBe(true)
    expect(ms).toBeGreaterThanOrEqual(0)
    expect(ms).toBeLessThanOrEqual(MAX_MS[delay])
  },
)

test.each(['balanced', 'private'] as const)(
  'half of all %s delays are shorter than 0.7 of the mean, and none is the most likely',
  (delay) => {
    const drawn = Array.from({ length: 10_000 }, () => drawDelayMs(delay)).sort((a, b) => a - b)
    const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length
    // The cut at the end takes a little off the mean. Eight standard errors on both sides.
    expect(mean / MEAN_MS[delay]).toBeGreaterThan(0.84)
    expect(mean / MEAN_MS[delay]).toBeLessThan(1.08)
    expect((drawn[5_000] ?? 0) / MEAN_MS[delay]).toBeCloseTo(Math.LN2, 0)
    expect(new Set(drawn).size).toBeGreaterThan(3_500)
  },
)

test('cover comes at random times', () => {
  expect(new Set(Array.from({ length: 10 }, () => drawCoverPauseMs())).size).toBeGreaterThan(5)
})
