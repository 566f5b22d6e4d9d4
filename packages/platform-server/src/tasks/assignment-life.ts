import { type Assignment, type AssignmentState, formatAmount } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { settle } from '../settlement/operations.ts'
import type { Tx } from '../storage/database.ts'
import { findAssignment, listReviewsOf } from './assignment-store.ts'
import { type AssignmentRecord, checkCancel, isOpen, partiesOf } from './rules.ts'
import { recordOutcome, removeOpenAssignment } from './tally-store.ts'
import { advanceReviews, endAssignment, lockWork, markToDecide, restartWork } from './transition-store.ts'

/** How an assignment ends, and what that means for its money and for the reviews of it. */
interface Ending {
  readonly end: Extract<AssignmentState, 'passed' | 'failed' | 'declined' | 'expired' | 'cancelled'>
  /** Whether its hold goes to the assignee. */
  readonly earned: boolean
  /** Who caused it; `platform` for a clock. */
  readonly actor: string
}

/** Load an assignment to move it: nobody else moves it, or the work it belongs to, until the transaction ends. */
export async function lockAssignment(tx: Tx, assignmentId: string): Promise<AssignmentRecord | undefined> {
  await lockWork(tx, assignmentId)
  return findAssignment(tx, assignmentId)
}

/**
 * End an assignment: state, money and events in the caller's transaction, which holds the lock of the work.
 *
 * @throws Refusal `wrong_state` if it moved on since it was read.
 */
async function finish(deps: Deps, tx: Tx, record: AssignmentRecord, { end, earned, actor }: Ending): Promise<AssignmentRecord> {
  if (!(await endAssignment(tx, record, end))) throw new Refusal('wrong_state', 'the assignment moved on just now')
  const { assignmentId, taskId, targetAssignmentId, buyerId } = record
  await removeOpenAssignment(tx, buyerId)
  await settle(deps, tx, { assignmentId, taskId, earned, actor })
  await appendEvents(deps, tx, partiesOf(record), { kind: `assignment.${end}`, taskId, assignmentId, targetAssignmentId })
  return { ...record, state: end, leaseExpiresAtMs: undefined, reviewByMs: undefined }
}

/** End an assignment without a verdict: work takes its reviews with it; a review may leave the others to decide, at the next sweep. */
async function abandon(deps: Deps, tx: Tx, record: AssignmentRecord, ending: Omit<Ending, 'earned'>): Promise<AssignmentRecord> {
  const ended = await finish(deps, tx, record, { ...ending, earned: false })
  if (record.kind === 'execute') await finishReviews(deps, tx, record, 'cancelled')
  if (record.targetAssignmentId) await markToDecide(tx, record.targetAssignmentId)
  return ended
}

/** However work ends: reviewers who spoke on any attempt are paid for it, silent ones are released. */
async function finishReviews(
  deps: Deps,
  tx: Tx,
  { assignmentId }: AssignmentRecord,
  silent: 'cancelled' | 'expired',
): Promise<void> {
  for (const review of (await listReviewsOf(tx, assignmentId)).filter(isOpen)) {
    const end = review.hasSpoken ? 'passed' : silent
    await finish(deps, tx, review, { end, earned: review.hasSpoken, actor: 'platform' })
  }
}

/** The buyer takes an assignment back. @throws Refusal `wrong_state` unless it is not accepted yet, or under a lapsed lease. */
export async function cancelForBuyer(deps: Deps, tx: Tx, record: AssignmentRecord): Promise<AssignmentRecord> {
  checkCancel(record, deps.now())
  return abandon(deps, tx, record, { end: 'cancelled', actor: record.buyerId })
}

/** One of the parties goes away before the assignment was accepted. */
export function cancelUnaccepted(deps: Deps, tx: Tx, record: AssignmentRecord, actor: string): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'cancelled', actor })
}

export function declineWork(deps: Deps, tx: Tx, record: AssignmentRecord, actor: string): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'declined', actor })
}

/** A clock ran out. */
export function expireWork(deps: Deps, tx: Tx, record: AssignmentRecord): Promise<AssignmentRecord> {
  return abandon(deps, tx, record, { end: 'expired', actor: 'platform' })
}

/** A review without a verdict that counts: it ends unpaid and the buyer may appoint another reviewer. */
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
  { end, actor }: { end: 'passed' | 'failed'; actor: string },
): Promise<AssignmentRecord> {
  const decided = await finish(deps, tx, target, { end, earned: end === 'passed', actor })
  if (target.assigneeId) await recordOutcome(tx, target.assigneeId, end)
  await finishReviews(deps, tx, target, 'expired')
  return decided
}

/** Give work back for another attempt: a new lease, and every open review goes on to the next attempt. */
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
  return getRecord(tx, assignmentId)
}

/** An assignment that this transaction wrote. */
export async function getRecord(tx: Tx, assignmentId: string): Promise<AssignmentRecord> {
  const record = await findAssignment(tx, assignmentId)
  if (!record) throw new Error('the assignment was just written')
  return record
}

/** An assignment as the wire shows it. */
export function wireOf(record: AssignmentRecord): Assignment {
  const { priceMicro, minReputationBps, reviewRule: _rule, reviewWithinMs: _within, hasSpoken: _spoken, ...rest } = record
  return { ...rest, price: formatAmount(priceMicro), ...(minReputationBps !== undefined && { minReputation: minReputationBps }) }
}
