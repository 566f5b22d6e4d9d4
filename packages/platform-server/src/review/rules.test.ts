import type { Outcome } from '@agent-marketplace/protocol'
import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { checkInTime, checkScore, counts, decide, isOver, type Panel } from './rules.ts'

const outcome = fc.constantFrom<Outcome>(
  'passed',
  'failed',
  'invalid_format',
  'content_unavailable',
  'content_mismatch',
  'inconclusive',
)
const rule = fc.constantFrom('unanimous' as const, 'majority' as const)
const panel: fc.Arbitrary<Panel> = fc.record({
  rule,
  outcomes: fc.array(outcome, { maxLength: 8 }),
  pending: fc.nat({ max: 8 }),
  isOver: fc.boolean(),
})
const said = (panel: Panel, ...more: Outcome[]): Panel => ({
  ...panel,
  outcomes: [...panel.outcomes, ...more],
  pending: panel.pending - more.length,
})
const rank = { failed: 0, undecided: 1, passed: 2 }
const rankOf = (panel: Panel) => rank[decide(panel) ?? 'undecided']

describe('the decision on an attempt', () => {
  test.for<[string, Panel, ReturnType<typeof decide>]>([
    ['nobody has spoken', { rule: 'unanimous', outcomes: [], pending: 1, isOver: false }, undefined],
    ['nobody will speak, but there is time', { rule: 'unanimous', outcomes: [], pending: 0, isOver: false }, undefined],
    ['silence until the end', { rule: 'unanimous', outcomes: [], pending: 2, isOver: true }, 'passed'],
    ['silence of a majority', { rule: 'majority', outcomes: [], pending: 3, isOver: true }, 'passed'],
    ['one of two has passed it', { rule: 'unanimous', outcomes: ['passed'], pending: 1, isOver: false }, undefined],
    ['one of two has failed it', { rule: 'unanimous', outcomes: ['failed'], pending: 1, isOver: false }, undefined],
    ['both have passed it', { rule: 'unanimous', outcomes: ['passed', 'passed'], pending: 0, isOver: false }, 'passed'],
    [
      'one of all has failed it',
      { rule: 'unanimous', outcomes: ['passed', 'invalid_format'], pending: 0, isOver: false },
      'failed',
    ],
    ['one failed it and time is over', { rule: 'unanimous', outcomes: ['failed'], pending: 1, isOver: true }, 'failed'],
    ['one passed it and time is over', { rule: 'unanimous', outcomes: ['passed'], pending: 1, isOver: true }, 'passed'],
    ['two of three have passed it', { rule: 'majority', outcomes: ['passed', 'passed'], pending: 1, isOver: false }, 'passed'],
    ['two of three have failed it', { rule: 'majority', outcomes: ['failed', 'failed'], pending: 1, isOver: false }, 'failed'],
    ['one of three has spoken', { rule: 'majority', outcomes: ['passed'], pending: 2, isOver: false }, undefined],
    ['a tie', { rule: 'majority', outcomes: ['passed', 'failed'], pending: 0, isOver: false }, 'failed'],
    ['a tie that can still turn', { rule: 'majority', outcomes: ['passed', 'failed'], pending: 1, isOver: false }, undefined],
    ['a tie that can at best be kept', { rule: 'majority', outcomes: ['failed'], pending: 1, isOver: false }, 'failed'],
    ['all were inconclusive', { rule: 'unanimous', outcomes: ['inconclusive'], pending: 0, isOver: false }, undefined],
    ['one inconclusive of two', { rule: 'majority', outcomes: ['passed', 'inconclusive'], pending: 0, isOver: false }, 'passed'],
  ])('%s', ([, given, expected]) => {
    expect(decide(given)).toBe(expected)
  })

  it.prop([panel])('when the time is over it is always decided', (given) => {
    expect(decide({ ...given, isOver: true })).toBeDefined()
  })

  it.prop([panel])('silence is acceptance: where nobody said anything, only time decides, and it passes', (given) => {
    const silent = { ...given, outcomes: given.outcomes.filter((each) => !counts(each)) }

    expect(decide(silent)).toBe(given.isOver ? 'passed' : undefined)
  })

  it.prop([panel])('an inconclusive verdict changes nothing', (given) => {
    expect(decide({ ...given, outcomes: [...given.outcomes, 'inconclusive'] })).toBe(decide(given))
  })

  it.prop([panel, fc.infiniteStream(outcome.filter(counts))])(
    'a decision of a majority is certain: nothing that is still said turns it',
    (given, rest) => {
      const majority = { ...given, rule: 'majority' as const, isOver: false }
      const decided = decide(majority)
      fc.pre(decided !== undefined && given.outcomes.some(counts))

      expect(decide(said(majority, ...rest.take(given.pending)))).toBe(decided)
    },
  )

  it.prop([panel])('a majority that is not decided yet can still go both ways', (given) => {
    const open = { ...given, rule: 'majority' as const, isOver: false }
    fc.pre(decide(open) === undefined && given.outcomes.some(counts))
    const all = (each: Outcome) => said(open, ...Array.from({ length: given.pending }, () => each))

    expect([decide(all('passed')), decide(all('failed'))]).toEqual(['passed', 'failed'])
  })

  it.prop([panel.filter((each) => each.pending > 0)])(
    'a further pass never makes it worse than a further failure would',
    (given) => {
      expect(rankOf(said(given, 'passed'))).toBeGreaterThanOrEqual(rankOf(said(given, 'failed')))
    },
  )

  it.prop([panel, fc.nat({ max: 7 })])('a failure turned into a pass never makes it worse', (given, index) => {
    fc.pre(index < given.outcomes.length && given.outcomes.some((each, at) => at !== index && counts(each)))
    const better = { ...given, outcomes: given.outcomes.map((each, at) => (at === index && counts(each) ? 'passed' : each)) }

    expect(rankOf(better)).toBeGreaterThanOrEqual(rankOf(given))
  })

  it.prop([fc.array(outcome.filter(counts), { minLength: 1, maxLength: 15 })])(
    'a unanimous panel passes only what every reviewer passed',
    (outcomes) => {
      const decided = decide({ rule: 'unanimous', outcomes, pending: 0, isOver: false })

      expect(decided).toBe(outcomes.every((each) => each === 'passed') ? 'passed' : 'failed')
    },
  )

  it.prop([rule, fc.array(outcome, { maxLength: 8 }), fc.nat({ max: 4 }), fc.boolean()])(
    'the order of the verdicts does not matter',
    (given, outcomes, pending, over) => {
      const panel = { rule: given, pending, isOver: over }

      expect(decide({ ...panel, outcomes: outcomes.toReversed() })).toBe(decide({ ...panel, outcomes }))
    },
  )
})

describe('time and score of a verdict', () => {
  test('the last millisecond is in time, the next one is not; work that is not submitted has no end of time', () => {
    expect([isOver({ reviewByMs: 10 }, 10), isOver({ reviewByMs: 10 }, 11), isOver({ reviewByMs: undefined }, 11)]).toEqual([
      false,
      true,
      false,
    ])
    expect(() => checkInTime({ reviewByMs: 10 }, 10)).not.toThrow()
    expect(() => checkInTime({ reviewByMs: 10 }, 11)).toThrow(expect.objectContaining({ code: 'wrong_state' }))
  })

  it.prop([outcome, fc.integer({ min: 1, max: 10_000 })])('only passed and failed work has a score', (each, scoreBps) => {
    const check = () => checkScore({ outcome: each, scoreBps })

    if (each === 'passed' || each === 'failed') expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ code: 'invalid_input' }))
    expect(() => checkScore({ outcome: each, scoreBps: 0 })).not.toThrow()
  })
})
