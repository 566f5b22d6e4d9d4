import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { cancelForAssignee, expireWork, type Spoke } from './assignment-life.ts'
import { findAssignment, listLapsed, listNotAccepted, listReviewsOf, listUnaccepted, submitReview } from './assignment-store.ts'
import { type AssignmentRecord, checkEpoch, isLapsed, isOpen } from './rules.ts'

/** What other slices may do with assignments. */
export { decideWork, failReview, reworkWork, type Spoke, wireOf } from './assignment-life.ts'
export { type AssignmentRecord, isOpen, requireState } from './rules.ts'

/** How many expiries one sweep looks at; the rest waits for the next one. */
const SWEEP_BATCH = 200

/** @throws Refusal `not_found` for a review that is not this agent's. */
export async function getReviewOf(reader: Reader, reviewerId: string, reviewAssignmentId: string): Promise<AssignmentRecord> {
  const review = await findAssignment(reader, reviewAssignmentId)
  if (review?.kind !== 'review' || review.assigneeId !== reviewerId) throw notFound('review assignment')
  return review
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

/** A verdict was given: its review waits for the decision. @throws Refusal `wrong_state`, `stale_lease`. */
export async function closeReview(tx: Tx, review: AssignmentRecord, leaseEpoch: number): Promise<AssignmentRecord> {
  checkEpoch(review, leaseEpoch)
  if (!(await submitReview(tx, review.assignmentId, leaseEpoch)))
    throw new Refusal('stale_lease', 'this lease is not the current one')
  return { ...review, state: 'submitted' }
}

/** An agent goes away: what it has not accepted is cancelled, and its money goes back. */
export async function cancelDutiesOf(deps: Deps, tx: Tx, agentId: string): Promise<void> {
  for (const record of await listNotAccepted(tx, agentId)) await cancelForAssignee(deps, tx, record)
}

/**
 * Expire what was not accepted in time and what is under a lapsed lease. Each in its own transaction, which looks at the state again.
 *
 * @param spoke - Who of the reviewers has given a verdict that counts.
 * @returns how many were expired.
 */
export async function sweepAssignments(deps: Deps, spoke: (tx: Tx) => Spoke): Promise<number> {
  const nowMs = deps.now()
  const due = await deps.db.read(async (reader) => [
    ...(await listUnaccepted(reader, nowMs, SWEEP_BATCH)),
    ...(await listLapsed(reader, nowMs, SWEEP_BATCH)),
  ])
  let expired = 0
  for (const assignmentId of due) {
    const done = await deps.db.write(async (tx) => {
      const record = await findAssignment(tx, assignmentId)
      if (!record || !isOverdue(record, nowMs)) return false
      await expireWork(deps, tx, record, spoke(tx))
      return true
    })
    if (done) expired++
  }
  return expired
}

function isOverdue(record: AssignmentRecord, nowMs: number): boolean {
  if (record.state === 'offered' || record.state === 'assigned') return nowMs > record.acceptByMs
  return record.state === 'working' && isLapsed(record, nowMs)
}
