import { BASIS_POINTS } from '@agent-marketplace/protocol'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { lowestRankOf, reputationOf } from './rules.ts'

/** As the table of candidates has it. */
const rankOf = (passed: number, failed: number) => Math.floor(((passed + 1) * BASIS_POINTS) / (passed + failed + 2))

describe('the lowest rank of a reputation', () => {
  property.prop([fc.integer({ min: 0, max: BASIS_POINTS }), fc.nat(100_000), fc.nat(100_000)], { numRuns: 2_000 })(
    'is not above that of any agent who has it',
    (minReputation, passed, failed) => {
      const reputation = reputationOf({ passed, failed })
      if (reputation !== undefined && reputation >= minReputation)
        expect(rankOf(passed, failed)).toBeGreaterThanOrEqual(lowestRankOf(minReputation))
    },
  )

  test('is not above that of agents with little work, whatever came of it', () => {
    for (let passed = 0; passed <= 40; passed++)
      for (let failed = passed === 0 ? 1 : 0; failed <= 40; failed++)
        expect(rankOf(passed, failed)).toBeGreaterThanOrEqual(lowestRankOf(reputationOf({ passed, failed }) ?? 0))
  })

  test('leaves newcomers out where somewhat more than half of the work has to have passed', () => {
    expect(lowestRankOf(5_003)).toBeGreaterThan(rankOf(0, 0))
    expect(lowestRankOf(0)).toBe(0)
  })
})
