import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { DatabaseClock } from './database-clock.ts'

/** Of one clock against another; what a quick and a slow answer add to it. */
const offMs = fc.integer({ min: -3_600_000, max: 3_600_000 })
const tookMs = fc.nat({ max: 5_000 })

test.prop([offMs, fc.array(fc.record({ there: tookMs, back: tookMs }), { minLength: 1 })])(
  'after an answer the time is right to within how long the best answer took',
  (off, answers) => {
    let atMs = 1_000
    const clock = new DatabaseClock(() => atMs)
    let best = Number.POSITIVE_INFINITY
    for (const { there, back } of answers) {
      const askedAt = atMs
      const saidMs = Date.UTC(2026, 0, 1) + off + atMs + there
      atMs += there + back
      clock.take({ askedAt, heardAt: atMs, saidMs })
      best = Math.min(best, there + back)
      expect(Math.abs(clock.now() - (Date.UTC(2026, 0, 1) + off + atMs))).toBeLessThanOrEqual(best)
    }
  },
)
