import type { Assignment } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import type { Tx } from '../storage/database.ts'
import { lockAsAssignee } from './access.ts'
import { declineWork, getRecord, wireOf } from './assignment-life.ts'
import { listReviewsOf } from './assignment-store.ts'
import { type AssignmentRecord, checkAccept, checkEpoch, checkLease, isOpen, partiesOf, requireState } from './rules.ts'
import { extendLease, startWork, submitWork } from './transition-store.ts'

/** What an assignee names after `accept`: the lease it acts under. */
interface Lease {
  readonly assignmentId: string
  readonly leaseEpoch: number
}

/** Take on an assignment: its lease starts. @throws Refusal `not_found`, `forbidden`, `wrong_state`, `assignment_not_funded`. */
export function acceptAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await lockAsAssignee(tx, call.callerId, assignmentId)
    const nowMs = deps.now()
    checkAccept(record, nowMs)
    const leaseExpiresAtMs = record.kind === 'execute' ? nowMs + record.leaseMs : undefined
    if (!(await startWork(tx, assignmentId, { nowMs, leaseExpiresAtMs })))
      throw new Refusal('wrong_state', 'the assignment moved on just now')
    return announced(deps, tx, record, 'assignment.accepted')
  })
}

/** Turn an assignment down, also one that was claimed: it ends, and its hold is released. @throws Refusal `not_found`, `forbidden`, `wrong_state`. */
export function declineAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await lockAsAssignee(tx, call.callerId, assignmentId)
    requireState(record, 'assigned')
    return wireOf(await declineWork(deps, tx, record, call.callerId))
  })
}

/** Keep working: also after the lease has lapsed, as long as nobody ended it. @throws Refusal `not_found`, `forbidden`, `stale_lease`, `wrong_state`. */
export function renewLease(deps: Deps, call: Call, { assignmentId, leaseEpoch }: Lease): Promise<Assignment> {
  return once(deps, call, { assignmentId, leaseEpoch }, async (tx) => {
    const record = await lockAsAssignee(tx, call.callerId, assignmentId)
    checkEpoch(record, leaseEpoch)
    // A review runs by the clocks of its target.
    if (record.kind === 'review') return wireOf(record)
    if (!(await extendLease(tx, assignmentId, leaseEpoch, deps.now() + record.leaseMs))) {
      throw new Refusal('stale_lease', 'this lease is not the current one')
    }
    return wireOf(await getRecord(tx, assignmentId))
  })
}

/** Say that the work is ready and handed over privately. Carries no content. @throws Refusal `not_found`, `forbidden`, `stale_lease`, `wrong_state`. */
export function completeAssignment(deps: Deps, call: Call, { assignmentId, leaseEpoch }: Lease): Promise<Assignment> {
  return once(deps, call, { assignmentId, leaseEpoch }, async (tx) => {
    const record = await lockAsAssignee(tx, call.callerId, assignmentId)
    if (record.kind === 'review') throw new Refusal('wrong_state', 'a review is completed by its verdict')
    const nowMs = deps.now()
    checkLease(record, leaseEpoch, nowMs)
    if (!(await submitWork(tx, assignmentId, { leaseEpoch, nowMs, reviewByMs: nowMs + record.reviewWithinMs }))) {
      throw new Refusal('stale_lease', 'the lease has lapsed')
    }
    const reviewers = (await listReviewsOf(tx, assignmentId)).filter(isOpen).map((each) => each.assigneeId)
    return announced(deps, tx, record, 'assignment.submitted', reviewers)
  })
}

async function announced(
  deps: Deps,
  tx: Tx,
  record: AssignmentRecord,
  kind: 'assignment.accepted' | 'assignment.submitted',
  others: (string | undefined)[] = [],
): Promise<Assignment> {
  const { taskId, assignmentId, targetAssignmentId } = record
  await appendEvents(deps, tx, [...partiesOf(record), ...others], { kind, taskId, assignmentId, targetAssignmentId })
  return wireOf(await getRecord(tx, assignmentId))
}
