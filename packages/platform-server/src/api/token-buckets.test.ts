import { fc, test as propertyTest } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { TokenBuckets } from './token-buckets.ts'

const rates = fc.record({ perMinute: fc.integer({ min: 1, max: 5_000 }), burst: fc.integer({ min: 1, max: 1_000 }) })
const START_MS = 1_700_000_000_000

/** So that of a hundred calls some are refused. */
const narrow = fc.record({ perMinute: fc.integer({ min: 1, max: 300 }), burst: fc.integer({ min: 1, max: 50 }) })
const pause = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }))

propertyTest.prop([narrow, fc.noBias(fc.array(pause, { minLength: 100, maxLength: 300, size: 'max' }))])(
  'no more than the burst and what has flowed in since is ever taken, and a refusal says when to come back',
  (rate, pauses) => {
    const buckets = new TokenBuckets(rate, 10)
    let nowMs = START_MS
    let taken = 0
    for (const pause of pauses) {
      nowMs += pause
      const { isAllowed, retryAfterMs } = buckets.take('a', nowMs)
      if (isAllowed) taken++
      else {
        expect(retryAfterMs).toBeGreaterThan(0)
        expect(buckets.peek('a', nowMs + retryAfterMs).isAllowed).toBe(true)
        expect(buckets.peek('a', nowMs + retryAfterMs - 2).isAllowed).toBe(false)
      }
      expect(taken).toBeLessThanOrEqual(rate.burst + ((nowMs - START_MS) / 60_000) * rate.perMinute + 1e-3)
    }
  },
)

propertyTest.prop([rates])('a burst can be taken at once and not one more, and counts down to nothing', (rate) => {
  const buckets = new TokenBuckets(rate, 10)
  const left = Array.from({ length: rate.burst }, () => buckets.take('a', START_MS).remaining)

  expect(left).toEqual(Array.from({ length: rate.burst }, (_, index) => rate.burst - 1 - index))
  expect(buckets.take('a', START_MS)).toMatchObject({ isAllowed: false, remaining: 0 })
})

test('each key has a bucket of its own, and only so many are remembered', () => {
  const buckets = new TokenBuckets({ perMinute: 1, burst: 1 }, 2)
  const take = (key: string) => buckets.take(key, START_MS).isAllowed

  expect(['a', 'a', 'b', 'c', 'b', 'c', 'a'].map(take)).toEqual([true, false, true, true, false, false, true])
})
