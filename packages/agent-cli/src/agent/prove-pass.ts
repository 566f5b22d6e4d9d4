import { type Assignment, REVIEW_WITHIN_DEFAULT_MS, SESSION_CLOCK_SKEW_MS, type Verdict } from '@agent-marketplace/protocol'
import { findDocuments } from '../private/inbox.ts'
import { listSent } from '../private/outbox.ts'
import type { Submission } from '../private/submissions.ts'
import { keepUnshownPass } from '../private/unshown-passes.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { findOrder } from './find-order.ts'
import { readReviews } from './handoff-parties.ts'
import { judgePass, type PassJudgement, type SignedWord } from './judge-pass.ts'
import { listVerdicts } from './list-verdicts.ts'
import { receiveDrops } from './receive-drops.ts'

/** Reviewers whose review the platform would have to show: those of the order, and those who were given the work. */
function panelOf(agent: Agent, assignment: Assignment): ReadonlySet<string> {
  const announced = listSent(agent.vault, 'work.ready', assignment.assignmentId)
  const given = announced.filter(({ document }) => document.artifacts.every((artifact) => 'K' in artifact)).map(({ to }) => to)
  return new Set([...(findOrder(agent, assignment)?.document.reviewers ?? []), ...given])
}

/**
 * Whether what reviewers and buyer signed shows that work has passed, as the platform says. Checked here, with pinned keys.
 *
 * @returns `false` while the platform may be right and nothing shows it yet: the keys stay here.
 * @throws CliError `key_changed` if what was signed speaks against it, or a verdict is shown that nobody signed. What the platform said is kept.
 */
export async function isPassShown(agent: Agent, work: Submission, assignment: Assignment): Promise<boolean> {
  const { assignmentId, attempt } = work
  const reviews = await readReviews(agent, assignmentId)
  const { verdicts } = await listVerdicts(agent, assignmentId)
  const judge = () => judgeKnown(agent, work, assignment, { reviews, verdicts })
  let judged = judge()
  if (judged.finding === 'open') {
    // The buyer's word may have arrived, where no daemon takes it in.
    await receiveDrops(agent)
    judged = judge()
  }
  if (judged.finding === 'shown') return true

  const reason = judged.finding === 'open' ? 'neither a verdict nor an approval has arrived' : judged.reason
  keepUnshownPass(agent.vault, { assignmentId, attempt, reason }, { assignment, reviews, verdicts }, agent.now())
  if (judged.finding === 'open') return false
  throw falsePass(reason)
}

/** @throws CliError `key_changed` if a review is not shown of somebody who is to judge this work: it would go to the buyer as if nobody were. */
export function refuseHiddenReviews(agent: Agent, assignment: Assignment, reviews: readonly Assignment[]): void {
  const shown = new Set(reviews.map(({ assigneeId }) => assigneeId))
  for (const reviewer of panelOf(agent, assignment))
    if (!shown.has(reviewer)) throw falsePass('the platform hides a review of this work')
}

function judgeKnown(
  agent: Agent,
  { assignmentId, attempt, reviewByMs, sealedAtMs }: Submission,
  assignment: Assignment,
  { reviews, verdicts }: { reviews: readonly Assignment[]; verdicts: readonly Verdict[] },
): PassJudgement {
  const isOfThis = (said: { targetAssignmentId: string; attempt: number; outcome: string }) =>
    said.targetAssignmentId === assignmentId && said.attempt === attempt && said.outcome !== 'inconclusive'
  const word = (reviewerId: string, { outcome }: { outcome: string }): SignedWord => ({
    reviewerId,
    isPassed: outcome === 'passed',
  })
  const reports = findDocuments(agent.vault, 'review.report', { targetAssignmentId: assignmentId })
  const approvals = findDocuments(agent.vault, 'work.approve', { assignmentId, from: assignment.buyerId })
  return judgePass({
    panel: panelOf(agent, assignment),
    rule: findOrder(agent, assignment)?.document.reviewRule,
    verdicts: verdicts.filter(isOfThis).map((verdict) => word(verdict.reviewerId, verdict)),
    reports: reports.filter(({ document }) => isOfThis(document)).map(({ from, document }) => word(from, document)),
    reviews,
    isApproved: approvals.some(({ document }) => document.attempt === attempt),
    // Where the answer to the submission was lost, and with it the time: as long as reviewers have if the buyer says nothing.
    isOver: agent.now() + SESSION_CLOCK_SKEW_MS > (reviewByMs ?? sealedAtMs + REVIEW_WITHIN_DEFAULT_MS),
  })
}

function falsePass(reason: string): CliError {
  return new CliError('key_changed', `the platform says that work has passed, but ${reason}`, {
    hint: 'nothing was sent, and the keys of the work are kept; `doctor` lists such work',
  })
}
