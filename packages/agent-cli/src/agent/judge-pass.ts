import type { Assignment, ReviewRule } from '@agent-marketplace/protocol'
import { isOpen } from './handoff-parties.ts'

/** What a reviewer said of the work, in a verdict or a report that it signed. */
export interface SignedWord {
  readonly reviewerId: string
  readonly isPassed: boolean
}

/** What an executor knows of the reviews of one attempt whose work is said to have passed. */
export interface PassEvidence {
  /** Agents the order names as reviewers, and those that were given the work. Nobody else's word counts. */
  readonly panel: ReadonlySet<string>
  /** As the buyer signed it; `undefined` in an order that does not say. */
  readonly rule: ReviewRule | undefined
  /** Verdicts on this attempt that say something. */
  readonly verdicts: readonly SignedWord[]
  /** Reports on this attempt, of verdicts that the platform may not show. */
  readonly reports: readonly SignedWord[]
  /** The reviews as the platform shows them. */
  readonly reviews: readonly Assignment[]
  /** Whether the buyer signed that it takes the work without a verdict. */
  readonly isApproved: boolean
  /** Whether the time for verdicts, as it was told when the work was handed in, is over by the clock of this machine. */
  readonly isOver: boolean
}

/** `open`: it may be true, and nothing that was signed shows it yet: the buyer's approval is on its way, or the time for verdicts still runs. */
export type PassJudgement =
  | { readonly finding: 'shown' }
  | { readonly finding: 'open' }
  | { readonly finding: 'false'; readonly reason: string }

/**
 * Judge the platform's word that work has passed by what reviewers and buyer signed. Pure.
 *
 * Not shown by this: that a reviewer who is said to have left did leave, and that the platform shows every verdict there is.
 */
export function judgePass({ panel, rule, verdicts, reports, reviews, isApproved, isOver }: PassEvidence): PassJudgement {
  const missing = [...panel].filter((agentId) => !reviews.some(({ assigneeId }) => assigneeId === agentId))
  if (missing.length > 0) return { finding: 'false', reason: 'the platform hides a review of this work' }
  // Nobody was ever to judge it: its keys are the buyer's from the moment it was handed in.
  if (reviews.length === 0) return { finding: 'shown' }

  const ofPanel = verdicts.filter(({ reviewerId }) => panel.has(reviewerId))
  const spoke = new Set(ofPanel.map(({ reviewerId }) => reviewerId))
  const unheard = isOver ? [] : reports.filter(({ reviewerId }) => panel.has(reviewerId) && !spoke.has(reviewerId))
  const said = [...ofPanel, ...unheard.filter(({ isPassed }) => !isPassed)]
  const passed = said.filter(({ isPassed }) => isPassed).length
  const failed = said.length - passed
  const pending = isOver ? 0 : reviews.filter((review) => mayStillSpeak(review, spoke)).length

  if (said.length === 0 && isApproved) return { finding: 'shown' }
  if (said.length === 0 && pending > 0) return { finding: 'false', reason: 'no reviewer has signed a verdict that says so' }
  if (said.length === 0) return isOver ? { finding: 'shown' } : { finding: 'open' }
  const isEnough = rule === 'unanimous' ? failed === 0 && pending === 0 : passed > failed + pending
  return isEnough ? { finding: 'shown' } : { finding: 'false', reason: 'the verdicts that its reviewers signed are not enough' }
}

/** A review that was accepted has no clock of its own: one that lapses under a decision was waited for until then. */
function mayStillSpeak(review: Assignment, spoke: ReadonlySet<string>): boolean {
  const { assigneeId, state, leaseEpoch } = review
  if (assigneeId === undefined || spoke.has(assigneeId)) return false
  return isOpen(review) || (state === 'expired' && leaseEpoch > 0)
}
