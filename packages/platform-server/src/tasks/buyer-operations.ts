import { type Assignment, type Hold, parseAmount } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { getHold, holdOf } from '../settlement/operations.ts'
import { lockAsBuyer } from './access.ts'
import { fund } from './assign.ts'
import { cancelForBuyer, decideWork, wireOf } from './assignment-life.ts'
import { listReviewsOf } from './assignment-store.ts'
import { isOpen, requireState } from './rules.ts'

/** The buyer passes work that has no reviewer. @throws Refusal `not_found`, `forbidden`, `wrong_state` if it has one, or is not submitted. */
export function approveAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await lockAsBuyer(tx, call.callerId, assignmentId)
    if (record.kind === 'review') throw new Refusal('wrong_state', 'a review is decided with its target')
    requireState(record, 'submitted')
    const reviews = await listReviewsOf(tx, assignmentId)
    if (reviews.some(isOpen)) throw new Refusal('wrong_state', 'reviewers decide this work')
    return wireOf(await decideWork(deps, tx, record, { end: 'passed', actor: call.callerId }))
  })
}

/** The buyer takes an assignment back. @throws Refusal `not_found`, `forbidden`, `wrong_state` while it is under a live lease, submitted or over. */
export function cancelAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await lockAsBuyer(tx, call.callerId, assignmentId)
    return wireOf(await cancelForBuyer(deps, tx, record))
  })
}

/**
 * Fund an assignment that was made without its money.
 *
 * @throws Refusal `not_found`, `forbidden`, `wrong_state`, `already_exists`, `insufficient_funds`; `invalid_input` for another amount than the price.
 */
export function holdForAssignment(
  deps: Deps,
  call: Call,
  { assignmentId, amount }: { assignmentId: string; amount?: string | undefined },
): Promise<Hold> {
  return once(deps, call, { assignmentId, amount }, async (tx) => {
    const record = await lockAsBuyer(tx, call.callerId, assignmentId)
    requireState(record, 'offered', 'assigned')
    if (amount !== undefined && parseAmount(amount) !== record.priceMicro)
      throw new Refusal('invalid_input', 'the amount is not the price')
    const holdId = await fund(deps, tx, record)
    if (holdId === undefined) throw new Refusal('wrong_state', 'the assignment has no price')
    return holdOf(await getHold(tx, call.callerId, holdId))
  })
}

/** Give a hold back by cancelling its assignment. @throws Refusal `not_found`, `forbidden`, `already_settled`, `wrong_state`. */
export function refund(deps: Deps, call: Call, holdId: string): Promise<Hold> {
  return once(deps, call, { holdId }, async (tx) => {
    const { assignmentId, payerId } = await getHold(tx, call.callerId, holdId)
    if (payerId !== call.callerId) throw new Refusal('forbidden', 'only the payer may take a hold back')
    const record = await lockAsBuyer(tx, call.callerId, assignmentId)
    const { state } = await getHold(tx, call.callerId, holdId)
    if (state !== 'active') throw new Refusal('already_settled', `the hold is ${state}`)
    await cancelForBuyer(deps, tx, record)
    return holdOf(await getHold(tx, call.callerId, holdId))
  })
}
