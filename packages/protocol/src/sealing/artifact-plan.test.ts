import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/artifact.json' with { type: 'json' }
import { SIZE_CLASSES } from '../limits.ts'
import { checkPlan, partRange, planArtifact } from './artifact-plan.ts'

const anySize = fc.oneof(fc.nat({ max: 100_000 }), fc.maxSafeNat(), fc.integer({ min: 16_000_000, max: 10_000_000_000 }))

describe('the plan of an artifact', () => {
  test.for(vectors.plans.cases)('cuts $bytes bytes into $parts parts of $partBytes', (given) => {
    expect(planArtifact(given.bytes)).toMatchObject(given)
    expect(checkPlan(given)).toEqual(planArtifact(given.bytes))
  })

  it.prop([anySize])(
    'covers every byte once, in the smallest class of at most four parts, with at most 12 % of dummies',
    (bytes) => {
      const plan = planArtifact(bytes)
      const last = partRange(plan, plan.parts - 1)
      const smallerClass = SIZE_CLASSES[(SIZE_CLASSES as readonly number[]).indexOf(plan.partBytes) - 1]

      expect(partRange(plan, 0).start).toBe(0)
      expect(last.end).toBe(bytes)
      expect(plan.parts * plan.dataBytes).toBeGreaterThanOrEqual(bytes)
      if (plan.partBytes < 4_194_304) expect(plan.parts).toBeLessThanOrEqual(4)
      if (smallerClass !== undefined) expect(bytes).toBeGreaterThan(4 * (smallerClass - 16 * Math.ceil(smallerClass / 65_552)))
      expect(plan.parts).toBeLessThanOrEqual(Math.max(1, Math.ceil(bytes / plan.dataBytes)) * 1.12)
    },
  )

  it.prop([fc.nat({ max: 500_000_000 })], { numRuns: 20 })('has parts that follow one another without a gap', (bytes) => {
    const plan = planArtifact(bytes)
    const ranges = Array.from({ length: plan.parts }, (_, index) => partRange(plan, index))

    for (const [index, range] of ranges.entries()) expect(range.start).toBe(index === 0 ? 0 : ranges[index - 1]?.end)
  })

  test('hides the length among those of the same count: 9 and 10 parts of data are both 10', () => {
    expect([planArtifact(9 * 4_193_280).parts, planArtifact(10 * 4_193_280).parts]).toEqual([10, 10])
    expect(partRange(planArtifact(9 * 4_193_280), 9)).toEqual({ start: 37_739_520, end: 37_739_520 })
  })

  test.for([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('is refused for %d bytes', (bytes) => {
    expect(() => planArtifact(bytes)).toThrow(RangeError)
    expect(checkPlan({ bytes, partBytes: 16_384, parts: 1 })).toBeNull()
  })

  test('stated by a sender must be the one its length has', () => {
    const { bytes, partBytes, parts } = planArtifact(70_000)

    expect(checkPlan({ bytes, partBytes, parts: parts + 1 })).toBeNull()
    expect(checkPlan({ bytes, partBytes: 16_384, parts: 5 })).toBeNull()
    expect(checkPlan({ bytes, partBytes: 0, parts: 0 })).toBeNull()
    expect(checkPlan({ bytes: 10, partBytes: 65_536, parts: 1 })).toBeNull()
  })

  test.for([-1, 0.5, 1, Number.NaN])('has no part %d when there is one', (index) => {
    expect(() => partRange(planArtifact(10), index)).toThrow(RangeError)
  })
})
