import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, fullJitterMs } from './backoff.ts'

const share = fc.nat().map((drawn) => drawn / 2 ** 31)

test.prop([fc.nat(5_000), share])(
  'a wait is never longer than a minute, nor than its place in the row allows',
  (failures, random) => {
    const waitMs = fullJitterMs(failures, () => random)
    expect(waitMs).toBeGreaterThanOrEqual(0)
    expect(waitMs).toBeLessThanOrEqual(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures))
  },
)

test.prop([fc.nat(100), share])('a later failure never waits less by the same dice', (failures, random) => {
  expect(fullJitterMs(failures + 1, () => random)).toBeGreaterThanOrEqual(fullJitterMs(failures, () => random))
})

test('waits are spread over the whole span', () => {
  const waits = Array.from({ length: 1000 }, () => fullJitterMs(20))
  expect(Math.min(...waits)).toBeLessThan(BACKOFF_MAX_MS / 4)
  expect(Math.max(...waits)).toBeGreaterThan((BACKOFF_MAX_MS * 3) / 4)
})
