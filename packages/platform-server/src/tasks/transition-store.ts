import type { AssignmentState } from '@agent-marketplace/protocol'
import type { Tx } from '../storage/database.ts'
import type { AssignmentRecord } from './rules.ts'

/** Every move of an assignment from state to state. The guard is in the statement: one that does not hold writes nothing. */

/**
 * Hold off everybody else who would move a piece of work or a review of it, until the transaction ends. Whoever moves one takes this lock before it reads:
 * a decision about the work reads all its reviews and ends them. Nothing is changed; the row is written so that it is locked on every engine.
 */
export async function lockWork(tx: Tx, assignmentId: string): Promise<void> {
  await tx.run(
    `UPDATE assignments SET lease_ms = lease_ms
     WHERE assignment_id = (SELECT coalesce(target_assignment_id, assignment_id) FROM assignments WHERE assignment_id = $1)`,
    [assignmentId],
  )
}

/** Offered → assigned to whoever claims it first. @returns `false` if it is not to be claimed any more: nothing was written. */
export async function takeOffer(
  tx: Tx,
  assignmentId: string,
  { assigneeId, nowMs }: { assigneeId: string; nowMs: number },
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = 'assigned', assignee_id = $2
     WHERE assignment_id = $1 AND state = 'offered' AND accept_by_ms >= $3 AND (price_micro = 0 OR funded = 1)`,
    [assignmentId, assigneeId, nowMs],
  )
  return changed === 1
}

/** Assigned → working under the first lease. @returns `false` if it is not to be accepted any more: nothing was written. */
export async function startWork(
  tx: Tx,
  assignmentId: string,
  { nowMs, leaseExpiresAtMs }: { nowMs: number; leaseExpiresAtMs: number | undefined },
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = 'working', lease_epoch = lease_epoch + 1, lease_expires_at_ms = $3
     WHERE assignment_id = $1 AND state = 'assigned' AND accept_by_ms >= $2 AND (price_micro = 0 OR funded = 1)`,
    [assignmentId, nowMs, leaseExpiresAtMs ?? null],
  )
  return changed === 1
}

/** Extend the lease under this epoch. @returns `false` for another epoch or state: nothing was written. */
export async function extendLease(tx: Tx, assignmentId: string, leaseEpoch: number, leaseExpiresAtMs: number): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET lease_expires_at_ms = $3 WHERE assignment_id = $1 AND state = 'working' AND lease_epoch = $2`,
    [assignmentId, leaseEpoch, leaseExpiresAtMs],
  )
  return changed === 1
}

/** Working → submitted under a live lease of this epoch. @returns `false` if the lease is another or has lapsed: nothing was written. */
export async function submitWork(
  tx: Tx,
  assignmentId: string,
  { leaseEpoch, nowMs, reviewByMs }: { leaseEpoch: number; nowMs: number; reviewByMs: number },
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = 'submitted', lease_expires_at_ms = NULL, review_by_ms = $4
     WHERE assignment_id = $1 AND state = 'working' AND kind = 'execute' AND lease_epoch = $2 AND lease_expires_at_ms >= $3`,
    [assignmentId, leaseEpoch, nowMs, reviewByMs],
  )
  return changed === 1
}

/** A review: working → submitted by its verdict. @returns `false` for another epoch or state: nothing was written. */
export async function submitReview(
  tx: Tx,
  assignmentId: string,
  { leaseEpoch, hasSpoken }: { leaseEpoch: number; hasSpoken: boolean },
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = 'submitted', has_spoken = $3
     WHERE assignment_id = $1 AND state = 'working' AND kind = 'review' AND lease_epoch = $2`,
    [assignmentId, leaseEpoch, hasSpoken ? 1 : 0],
  )
  return changed === 1
}

/** Submitted → working: the next attempt under a new lease. @returns `false` if it moved on already: nothing was written. */
export async function restartWork(tx: Tx, assignmentId: string, leaseExpiresAtMs: number): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = 'working', attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_expires_at_ms = $2, review_by_ms = NULL
     WHERE assignment_id = $1 AND state = 'submitted' AND attempt < max_attempts`,
    [assignmentId, leaseExpiresAtMs],
  )
  return changed === 1
}

/** The open reviews of a piece of work go on to its next attempt; one that has spoken works again, under the lease it has. */
export async function advanceReviews(tx: Tx, targetAssignmentId: string, attempt: number): Promise<void> {
  await tx.run(
    `UPDATE assignments SET attempt = $2, state = CASE state WHEN 'submitted' THEN 'working' ELSE state END
     WHERE target_assignment_id = $1 AND state IN ('offered', 'assigned', 'working', 'submitted')`,
    [targetAssignmentId, attempt],
  )
}

/** End an assignment that is still in the state it was read in. @returns `false` if it moved on already: nothing was written. */
export async function endAssignment(
  tx: Tx,
  { assignmentId, state, leaseEpoch }: AssignmentRecord,
  end: AssignmentState,
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE assignments SET state = $4, lease_expires_at_ms = NULL, review_by_ms = NULL
     WHERE assignment_id = $1 AND state = $2 AND lease_epoch = $3`,
    [assignmentId, state, leaseEpoch, end],
  )
  return changed === 1
}

export async function markFunded(tx: Tx, assignmentId: string): Promise<void> {
  await tx.run('UPDATE assignments SET funded = 1 WHERE assignment_id = $1', [assignmentId])
}

/** A review of this work ended without a word: what the others said may decide it now. */
export async function markToDecide(tx: Tx, assignmentId: string): Promise<void> {
  await tx.run(`UPDATE assignments SET to_decide = 1 WHERE assignment_id = $1 AND state = 'submitted'`, [assignmentId])
}

export async function unmarkToDecide(tx: Tx, assignmentId: string): Promise<void> {
  await tx.run('UPDATE assignments SET to_decide = 0 WHERE assignment_id = $1 AND to_decide = 1', [assignmentId])
}
