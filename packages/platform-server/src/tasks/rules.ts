import type { AssignInput, AssignmentKind, AssignmentState, ReviewRule } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** An assignment as it is stored. Times in milliseconds UTC, price in micro-credits. */
export interface AssignmentRecord {
  readonly assignmentId: string
  readonly taskId: string
  readonly sessionId: string
  readonly kind: AssignmentKind
  readonly state: AssignmentState
  readonly buyerId: string
  readonly assigneeId: string | undefined
  readonly targetAssignmentId: string | undefined
  readonly capability: string | undefined
  /** What an open offer asks of whoever claims it: share of decided work that passed, basis points. */
  readonly minReputationBps: number | undefined
  readonly priceMicro: bigint
  readonly funded: boolean
  readonly feeBps: number
  readonly reviewRule: ReviewRule
  readonly buyerMayReview: boolean
  readonly attempt: number
  readonly maxAttempts: number
  readonly leaseEpoch: number
  readonly leaseMs: number
  readonly leaseExpiresAtMs: number | undefined
  readonly acceptByMs: number
  readonly reviewWithinMs: number
  readonly reviewByMs: number | undefined
  /** A review: whether its reviewer gave a verdict that counts, on this attempt or an earlier one. It is paid then when the work ends. */
  readonly hasSpoken: boolean
}

/** States of what has not ended yet. */
export const OPEN_STATES: readonly AssignmentState[] = ['offered', 'assigned', 'working', 'submitted']

/** Open: it has not ended yet. */
export function isOpen({ state }: Pick<AssignmentRecord, 'state'>): boolean {
  return OPEN_STATES.includes(state)
}

/** @throws Refusal `wrong_state`, naming the state it is in, unless it is one of `states`. */
export function requireState(record: Pick<AssignmentRecord, 'state'>, ...states: AssignmentState[]): void {
  if (!states.includes(record.state)) throw new Refusal('wrong_state', `the assignment is ${record.state}`)
}

/** What goes together in an assignment. @throws Refusal `invalid_input` */
export function checkShape({ kind, targetAssignmentId, assigneeAgentId, capability, minReputation }: AssignInput): void {
  if (kind === 'execute' && targetAssignmentId !== undefined) throw new Refusal('invalid_input', 'only a review has a target')
  if (kind === 'review' && targetAssignmentId === undefined)
    throw new Refusal('invalid_input', 'a review needs a target assignment')
  if (assigneeAgentId === undefined && capability === undefined) {
    throw new Refusal('invalid_input', 'an offer names a capability, an assignment an assignee')
  }
  if (assigneeAgentId !== undefined && minReputation !== undefined) {
    throw new Refusal('invalid_input', 'only an offer asks for a reputation')
  }
}

/** The part in a task that an agent is about to take. */
export interface Part {
  readonly kind: AssignmentKind
  readonly assigneeId: string
  readonly buyerId: string
  readonly buyerMayReview: boolean
  readonly executorId: string | undefined
}

/**
 * Who may not take which part in a task.
 *
 * @param executorId - Who does the work under review, for a review; absent while nobody does.
 * @throws Refusal `self_dealing`: the executor is neither buyer nor reviewer; the buyer reviews only where the task says so.
 */
export function refuseSelfDealing({ kind, assigneeId, buyerId, buyerMayReview, executorId }: Part): void {
  if (kind === 'execute' && assigneeId === buyerId) throw new Refusal('self_dealing', 'the buyer does not execute its own task')
  if (kind === 'review' && assigneeId === executorId)
    throw new Refusal('self_dealing', 'the executor does not review its own work')
  if (kind === 'review' && assigneeId === buyerId && !buyerMayReview) {
    throw new Refusal('self_dealing', 'this task was made without review by the buyer')
  }
}

/** Overdue: not accepted in time, or under a lapsed lease. The sweep ends what is. */
export function isOverdue(record: AssignmentRecord, nowMs: number): boolean {
  if (record.state === 'offered' || record.state === 'assigned') return nowMs > record.acceptByMs
  return record.state === 'working' && isLapsed(record, nowMs)
}

/** @throws Refusal `wrong_state` unless accepted in time; `assignment_not_funded` for priced work without its money. */
export function checkAccept(record: AssignmentRecord, nowMs: number): void {
  requireState(record, 'assigned')
  if (nowMs > record.acceptByMs) throw new Refusal('wrong_state', 'the assignment was to be accepted earlier')
  if (record.priceMicro > 0n && !record.funded)
    throw new Refusal('assignment_not_funded', 'the assignment has a price and no hold yet')
}

/** @throws Refusal `stale_lease` for another epoch than the current one. */
export function checkEpoch(record: AssignmentRecord, leaseEpoch: number): void {
  requireState(record, 'working')
  if (record.leaseEpoch !== leaseEpoch) throw new Refusal('stale_lease', 'this lease is not the current one')
}

/** @throws Refusal `stale_lease` if the lease has lapsed: renew it while the assignment is still yours. */
export function checkLease(record: AssignmentRecord, leaseEpoch: number, nowMs: number): void {
  checkEpoch(record, leaseEpoch)
  if (isLapsed(record, nowMs)) throw new Refusal('stale_lease', 'the lease has lapsed')
}

/** A lease has lapsed once its last millisecond is over. Reviews run by the clocks of their target and have none. */
export function isLapsed({ leaseExpiresAtMs }: AssignmentRecord, nowMs: number): boolean {
  return leaseExpiresAtMs !== undefined && nowMs > leaseExpiresAtMs
}

/** @throws Refusal `wrong_state` unless the buyer may still take it back: not accepted yet, or under a lapsed lease. */
export function checkCancel(record: AssignmentRecord, nowMs: number): void {
  const isAbandoned = record.state === 'working' && isLapsed(record, nowMs)
  if (!isAbandoned) requireState(record, 'offered', 'assigned')
}

/** Both parties of an assignment. */
export function partiesOf({ buyerId, assigneeId }: AssignmentRecord): (string | undefined)[] {
  return [buyerId, assigneeId]
}
