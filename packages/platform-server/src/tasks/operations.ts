import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { forEachDue } from '../for-each-due.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { cancelUnaccepted, expireWork, lockAssignment } from './assignment-life.ts'
import { findAssignment, listReviewsOf } from './assignment-store.ts'
import { listLapsed, listUnaccepted, listUnacceptedOf } from './ending-store.ts'
import { type AssignmentRecord, checkEpoch, isOpen, isOverdue } from './rules.ts'
import { submitReview, unmarkToDecide } from './transition-store.ts'

/** What other slices may do with assignments. */
export { decideWork, failReview, lockAssignment, reworkWork } from './assignment-life.ts'
export { type AssignmentRecord, requireState } from './rules.ts'

/** How many expiries of a kind one sweep looks at; the rest waits for the next one. */
const SWEEP_BATCH = 200

/** Load a review and lock the work it belongs to. @throws Refusal `not_found` for a review that is not this agent's. */
export async function lockReviewOf(tx: Tx, reviewerId: string, reviewAssignmentId: string): Promise<AssignmentRecord> {
  const review = await lockAssignment(tx, reviewAssignmentId)
  if (review?.kind !== 'review' || review.assigneeId !== reviewerId) throw notFound('review assignment')
  return review
}

/** Load work to decide about it, which is all that its mark asks for. */
export async function lockToDecide(tx: Tx, assignmentId: string): Promise<AssignmentRecord | undefined> {
  const work = await lockAssignment(tx, assignmentId)
  await unmarkToDecide(tx, assignmentId)
  return work
}

/** @throws Refusal `not_found` */
export async function getAssignment(reader: Reader, assignmentId: string): Promise<AssignmentRecord> {
  const record = await findAssignment(reader, assignmentId)
  if (!record) throw notFound('assignment')
  return record
}

/** Reviews of a piece of work that have not ended. */
export async function listOpenReviews(reader: Reader, targetAssignmentId: string): Promise<AssignmentRecord[]> {
  return (await listReviewsOf(reader, targetAssignmentId)).filter(isOpen)
}

/** All reviews a piece of work ever had. */
export { listReviewsOf } from './assignment-store.ts'

/**
 * A verdict was given: its review waits for the decision.
 *
 * @param says - Whether the verdict counts: from the first one that does, the reviewer is paid when the work ends.
 * @throws Refusal `wrong_state`, `stale_lease`.
 */
export async function closeReview(
  tx: Tx,
  review: AssignmentRecord,
  { leaseEpoch, says }: { leaseEpoch: number; says: boolean },
): Promise<AssignmentRecord> {
  checkEpoch(review, leaseEpoch)
  const hasSpoken = review.hasSpoken || says
  if (!(await submitReview(tx, review.assignmentId, { leaseEpoch, hasSpoken })))
    throw new Refusal('stale_lease', 'this lease is not the current one')
  return { ...review, state: 'submitted', hasSpoken }
}

/** An agent goes away: duties it has not accepted are cancelled, and work of its own that nobody has accepted; the money goes back to the buyers. */
export async function cancelDutiesOf(deps: Deps, tx: Tx, agentId: string): Promise<void> {
  for (const assignmentId of await listUnacceptedOf(tx, agentId)) {
    const record = await lockAssignment(tx, assignmentId)
    // A review may have ended a moment ago, with its target.
    if (record?.state === 'offered' || record?.state === 'assigned') await cancelUnaccepted(deps, tx, record, agentId)
  }
}

/**
 * Expire what was not accepted in time and what is under a lapsed lease. Each in its own transaction, which looks at the state again.
 *
 * @returns how many were expired.
 */
export async function sweepAssignments(deps: Deps): Promise<number> {
  const nowMs = deps.now()
  const due = await deps.db.read(async (reader) => [
    ...(await listUnaccepted(reader, nowMs, SWEEP_BATCH)),
    ...(await listLapsed(reader, nowMs, SWEEP_BATCH)),
  ])
  return forEachDue(due, (assignmentId) =>
    deps.db.write(async (tx) => {
      const record = await lockAssignment(tx, assignmentId)
      if (!record || !isOverdue(record, nowMs)) return false
      await expireWork(deps, tx, record)
      return true
    }),
  )
}
