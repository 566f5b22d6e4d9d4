import { type Assignment, type AssignmentState, formatAmount } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { settle } from '../settlement/operations.ts'
import type { Tx } from '../storage/database.ts'
import { advanceReviews, endAssignment, findAssignment, listReviewsOf, recordOutcome, restartWork } from './assignment-store.ts'
import { type AssignmentRecord, checkCancel, isOpen, partiesOf } from './rules.ts'

/** How an assignment ends, and what that means for its money and for the reviews of it. */
interface Ending {
  readonly end: Extract<AssignmentState, 'passed' | 'failed' | 'declined' | 'expired' | 'cancelled'>
  /** Whether its hold goes to the assignee. */
  readonly earned: boolean
  /** Who caused it; `platform` for a clock. */
  readonly actor: string
}

/** Reviewers that are paid when the work under review ends: those who gave a verdict that counts. */
export type Spoke = (reviewAssignmentId: string) => Promise<boolean>

const nobodySpoke: Spoke = async () => false

/**
 * End an assignment: state, money, reviews of it and events in the caller's transaction.
 *
 * @throws Refusal `wrong_state` if it moved on since it was read.
 */
async function finish(deps: Deps, tx: Tx, record: AssignmentRecord, { end, earned, actor }: Ending): Promise<AssignmentRecord> {
  if (!(await endAssignment(tx, record, end))) throw new Refusal('wrong_state', 'the assignment moved on just now')
  const { assignmentId, taskId, targetAssignmentId } = record
  await settle(deps, tx, { assignmentId, taskId, earned, actor })
  await appendEvents(deps, tx, partiesOf(record), { kind: `assignment.${end}`, taskId, assignmentId, targetAssignmentId })
  return { ...record, state: end, leaseExpiresAtMs: undefined, reviewByMs: undefined }
}

/** End work without a verdict on it; its reviews end with it, unpaid unless their reviewer spoke on an earlier attempt. */
async function abandon(
  deps: Deps,
  tx: Tx,
  record: AssignmentRecord,
  ending: Ending,
  spoke: Spoke = nobodySpoke,
): Promise<AssignmentRecord> {
  const ended = await finish(deps, tx, record, ending)
  if (record.kind === 'execute') await finishReviews(deps, tx, record, { silent: 'cancelled', spoke })
  return ended
}

async function finishReviews(
  deps: Deps,
  tx: Tx,
  { assignmentId }: AssignmentRecord,
  { silent, spoke }: { silent: 'cancelled' | 'expired'; spoke: Spoke },
): Promise<void> {
  for (const review of (await listReviewsOf(tx, assignmentId)).filter(isOpen)) {
    const earned = await spoke(review.assignmentId)
    await finish(deps, tx, review, { end: earned ? 'passed' : silent, earned, actor: 'platform' })
  }
}

/** The buyer takes an assignment back. @throws Refusal `wrong_state` unless it is not accepted yet, or under a lapsed lease. */
export function cancelForBuyer(deps: Deps, tx: Tx, record: AssignmentRecord): Promise<AssignmentRecord> {
  checkCancel(record, deps.now())
  return abandon(deps, tx, record, { end: 'cancelled', earned: false, actor: record.buyerId })
}

/** The assignee goes away before it accepted. */
export function cancelForAssignee(deps: Deps, tx: Tx, record: AssignmentRecord): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'cancelled', earned: false, actor: record.assigneeId ?? 'platform' })
}

export function declineWork(deps: Deps, tx: Tx, record: AssignmentRecord, actor: string): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'declined', earned: false, actor })
}

/** A clock ran out. Reviewers who spoke on an earlier attempt are paid. */
export function expireWork(deps: Deps, tx: Tx, record: AssignmentRecord, spoke: Spoke): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'expired', earned: false, actor: 'platform' }, spoke)
}

/** A review whose verdict does not count: it ends unpaid and the buyer may appoint another reviewer. */
export function failReview(deps: Deps, tx: Tx, review: AssignmentRecord, actor: string): Promise<AssignmentRecord> {
  return finish(deps, tx, review, { end: 'failed', earned: false, actor })
}

/**
 * Decide work for good: the executor is paid or the buyer gets the money back, reviewers who spoke are paid, silent ones are released.
 */
export async function decideWork(
  deps: Deps,
  tx: Tx,
  target: AssignmentRecord,
  { end, actor, spoke }: { end: 'passed' | 'failed'; actor: string; spoke: Spoke },
): Promise<AssignmentRecord> {
  const decided = await finish(deps, tx, target, { end, earned: end === 'passed', actor })
  if (target.assigneeId) await recordOutcome(tx, target.assigneeId, end)
  await finishReviews(deps, tx, target, { silent: 'expired', spoke })
  return decided
}

/** Give work back for another attempt: a new lease, and every review that spoke goes on to the next attempt. */
export async function reworkWork(deps: Deps, tx: Tx, target: AssignmentRecord): Promise<AssignmentRecord> {
  const { assignmentId, taskId } = target
  if (!(await restartWork(tx, assignmentId, deps.now() + target.leaseMs)))
    throw new Refusal('wrong_state', 'the assignment moved on just now')
  await appendEvents(deps, tx, partiesOf(target), { kind: 'assignment.rework', taskId, assignmentId })
  await advanceReviews(tx, assignmentId, target.attempt + 1)
  for (const review of (await listReviewsOf(tx, assignmentId)).filter(isOpen)) {
    await appendEvents(deps, tx, [review.assigneeId], {
      kind: 'assignment.rework',
      taskId,
      assignmentId: review.assignmentId,
      targetAssignmentId: assignmentId,
    })
  }
  const again = await findAssignment(tx, assignmentId)
  if (!again) throw new Error('the assignment was just updated')
  return again
}

/** An assignment as the wire shows it. */
export function wireOf(record: AssignmentRecord): Assignment {
  const { priceMicro, reviewRule: _rule, reviewWithinMs: _within, ...rest } = record
  return { ...rest, price: formatAmount(priceMicro) }
}
