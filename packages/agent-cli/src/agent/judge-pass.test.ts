import type { Assignment, AssignmentState } from '@agent-marketplace/protocol'
import { fc, test as prop } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { judgePass, type PassEvidence, type SignedWord } from './judge-pass.ts'

const word = (reviewerId: string, isPassed = true): SignedWord => ({ reviewerId, isPassed })
const review = (assigneeId: string, state: AssignmentState = 'passed', leaseEpoch = 1) =>
  ({ assigneeId, state, leaseEpoch }) as Assignment

/** Two reviewers whom the executor knows, and nothing that they said. */
function judge(change: Partial<PassEvidence> = {}): string {
  const { finding } = judgePass({
    panel: new Set(['rita', 'rolf']),
    rule: 'unanimous',
    verdicts: [],
    reports: [],
    reviews: [review('rita'), review('rolf')],
    isApproved: false,
    isOver: false,
    ...change,
  })
  return finding
}

describe('a pass that the platform tells of', () => {
  test.for<[string, Partial<PassEvidence>, string]>([
    ['is shown where nobody was to judge', { panel: new Set(), reviews: [] }, 'shown'],
    ['is false where a review is hidden', { reviews: [review('rita')], verdicts: [word('rita')] }, 'false'],
    ['is false where all reviews are hidden, even after the time', { reviews: [], isOver: true }, 'false'],
    [
      'is false while reviewers have not spoken',
      { reviews: [review('rita', 'working'), review('rolf', 'assigned', 0)] },
      'false',
    ],
    ['is shown by both verdicts', { verdicts: [word('rita'), word('rolf')] }, 'shown'],
    ['is false over a verdict against it', { verdicts: [word('rita'), word('rolf', false)] }, 'false'],
    ['is false over a report against it', { verdicts: [word('rita')], reports: [word('rolf', false)] }, 'false'],
    [
      'is shown over a report whose verdict never came, once the time is over',
      { verdicts: [word('rita')], reports: [word('rolf', false)], isOver: true },
      'shown',
    ],
    ['is not shown by a report', { reports: [word('rita'), word('rolf')] }, 'open'],
    [
      'is not shown by the verdict of somebody else',
      { verdicts: [word('sybil')], reviews: [review('rita'), review('rolf'), review('sybil')] },
      'open',
    ],
    [
      'is shown by one verdict where the other reviewer left',
      { verdicts: [word('rita')], reviews: [review('rita'), review('rolf', 'declined', 0)] },
      'shown',
    ],
    [
      'is false where one that had accepted was not waited for',
      { verdicts: [word('rita')], reviews: [review('rita'), review('rolf', 'expired', 1)] },
      'false',
    ],
    [
      'is shown by one verdict once the time is over',
      { verdicts: [word('rita')], reviews: [review('rita'), review('rolf', 'expired', 1)], isOver: true },
      'shown',
    ],
    [
      'is shown by silence once the time is over',
      { reviews: [review('rita', 'expired'), review('rolf', 'expired')], isOver: true },
      'shown',
    ],
    ['is open where all have left', { reviews: [review('rita', 'failed'), review('rolf', 'declined', 0)] }, 'open'],
    [
      'is shown by the word of the buyer where all have left',
      { reviews: [review('rita', 'failed'), review('rolf', 'declined', 0)], isApproved: true },
      'shown',
    ],
    [
      'is false over a verdict against it, whatever the buyer says',
      { verdicts: [word('rita', false)], isApproved: true },
      'false',
    ],
  ])('%s', ([, evidence, finding]) => {
    expect(judge(evidence)).toBe(finding)
  })

  const three = { panel: new Set(['rita', 'rolf', 'ruth']), rule: 'majority' as const }
  test('by majority: two of three verdicts are enough, one of three is not', () => {
    const reviews = [review('rita'), review('rolf'), review('ruth', 'expired', 1)]
    expect(judge({ ...three, reviews, verdicts: [word('rita'), word('rolf')] })).toBe('shown')
    expect(
      judge({
        ...three,
        reviews: [review('rita'), review('rolf', 'expired', 1), review('ruth', 'expired', 1)],
        verdicts: [word('rita')],
      }),
    ).toBe('false')
    expect(judge({ ...three, reviews, verdicts: [word('rita'), word('rolf', false)] })).toBe('false')
  })

  prop.prop([
    fc.array(fc.boolean(), { minLength: 1, maxLength: 15 }),
    fc.constantFrom('unanimous' as const, 'majority' as const),
    fc.boolean(),
  ])('is never shown where nobody signed that it passed, unless nobody signed anything', (said, rule, isOver) => {
    const names = said.map((_, at) => `reviewer-${at}`)
    const evidence = { panel: new Set(names), rule, reviews: names.map((name) => review(name)), isOver, isApproved: true }
    const verdicts = said.map((isPassed, at) => word(names[at] ?? '', isPassed))
    const passed = said.filter((isPassed) => isPassed).length
    const isRight = rule === 'unanimous' ? passed === said.length : passed > said.length - passed
    expect(judge({ ...evidence, verdicts })).toBe(isRight ? 'shown' : 'false')
  })
})
