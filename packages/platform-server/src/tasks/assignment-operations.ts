import {
  type Assignment,
  AssignmentId,
  type AssignmentView,
  type Contact,
  type Hold,
  parseAmount,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { listContacts } from '../identity/operations.ts'
import { cutPage, readCursor } from '../page.ts'
import { getHold, holdOf } from '../settlement/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { fund } from './assign.ts'
import { cancelForBuyer, decideWork, declineWork, wireOf } from './assignment-life.ts'
import { extendLease, findAssignment, listAssignmentRecords, listReviewsOf, startWork, submitWork } from './assignment-store.ts'
import { type AssignmentRecord, checkAccept, checkEpoch, checkLease, isOpen, partiesOf, requireState } from './rules.ts'

/** @throws Refusal `not_found`, the same for a missing id and for one the reader has no part in. */
async function getVisible(reader: Reader, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  const record = await findAssignment(reader, assignmentId)
  if (!record || !(await isVisible(reader, agentId, record))) throw notFound('assignment')
  return record
}

/** For the buyer and the assignee; a reviewer also sees its target, an executor the reviews of its work. */
async function isVisible(reader: Reader, agentId: string, record: AssignmentRecord): Promise<boolean> {
  if (record.buyerId === agentId || record.assigneeId === agentId) return true
  if (record.targetAssignmentId) return (await findAssignment(reader, record.targetAssignmentId))?.assigneeId === agentId
  return (await listReviewsOf(reader, record.assignmentId)).some((review) => review.assigneeId === agentId)
}

/** @throws Refusal `not_found`; `forbidden` for somebody who sees it but is not its assignee. */
async function getAsAssignee(tx: Tx, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  const record = await getVisible(tx, agentId, assignmentId)
  if (record.assigneeId !== agentId) throw new Refusal('forbidden', 'only the assignee may do this')
  return record
}

/** @throws Refusal `not_found`; `forbidden` for somebody who sees it but is not its buyer. */
async function getAsBuyer(tx: Tx, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  const record = await getVisible(tx, agentId, assignmentId)
  if (record.buyerId !== agentId) throw new Refusal('forbidden', 'only the buyer may do this')
  return record
}

async function reload(tx: Tx, { assignmentId }: AssignmentRecord): Promise<AssignmentRecord> {
  const record = await findAssignment(tx, assignmentId)
  if (!record) throw new Error('the assignment was just written')
  return record
}

/** One assignment, with the cards and prekeys of the other parties. */
export function getAssignmentView(deps: Deps, agentId: string, assignmentId: string): Promise<AssignmentView> {
  return deps.db.read(async (reader) => {
    const record = await getVisible(reader, agentId, assignmentId)
    const target = record.targetAssignmentId ? await findAssignment(reader, record.targetAssignmentId) : undefined
    const others = new Set([...partiesOf(record), target?.assigneeId])
    return { assignment: wireOf(record), contacts: await contactsOf(deps, reader, agentId, others) }
  })
}

/** The reviews of a piece of work and the cards of its reviewers. */
export function listReviewAssignments(
  deps: Deps,
  agentId: string,
  targetAssignmentId: string,
): Promise<{ assignments: Assignment[]; contacts: Contact[] }> {
  return deps.db.read(async (reader) => {
    const target = await getVisible(reader, agentId, targetAssignmentId)
    const isParty = partiesOf(target).includes(agentId)
    const reviews = (await listReviewsOf(reader, targetAssignmentId)).filter((each) => isParty || each.assigneeId === agentId)
    const contacts = await contactsOf(deps, reader, agentId, new Set(reviews.map((each) => each.assigneeId)))
    return { assignments: reviews.map(wireOf), contacts }
  })
}

function contactsOf(deps: Deps, reader: Reader, agentId: string, others: ReadonlySet<string | undefined>): Promise<Contact[]> {
  const ids = [...others].filter((each) => each !== undefined && each !== agentId)
  return listContacts(deps, reader, ids as string[])
}

export async function listAssignments(
  deps: Deps,
  agentId: string,
  {
    role,
    state,
    limit,
    cursor,
  }: { role: 'assignee' | 'buyer'; state?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<{ assignments: Assignment[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([AssignmentId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listAssignmentRecords(reader, { agentId, role, state, before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.assignmentId])
  return { assignments: items.map(wireOf), ...next }
}

/** Take on an assignment: its lease starts. @throws Refusal `wrong_state`, `assignment_not_funded`. */
export function acceptAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await getAsAssignee(tx, call.callerId, assignmentId)
    const nowMs = deps.now()
    checkAccept(record, nowMs)
    const leaseExpiresAtMs = record.kind === 'execute' ? nowMs + record.leaseMs : undefined
    if (!(await startWork(tx, assignmentId, { nowMs, leaseExpiresAtMs })))
      throw new Refusal('wrong_state', 'the assignment moved on just now')
    return announced(deps, tx, record, 'assignment.accepted')
  })
}

export function declineAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await getAsAssignee(tx, call.callerId, assignmentId)
    requireState(record, 'assigned')
    return wireOf(await declineWork(deps, tx, record, call.callerId))
  })
}

/** Keep working: also after the lease has lapsed, as long as nobody ended it. @throws Refusal `stale_lease`, `wrong_state`. */
export function renewLease(
  deps: Deps,
  call: Call,
  { assignmentId, leaseEpoch }: { assignmentId: string; leaseEpoch: number },
): Promise<Assignment> {
  return once(deps, call, { assignmentId, leaseEpoch }, async (tx) => {
    const record = await getAsAssignee(tx, call.callerId, assignmentId)
    checkEpoch(record, leaseEpoch)
    if (record.kind === 'review') return wireOf(record)
    if (!(await extendLease(tx, assignmentId, leaseEpoch, deps.now() + record.leaseMs))) {
      throw new Refusal('stale_lease', 'this lease is not the current one')
    }
    return wireOf(await reload(tx, record))
  })
}

/** Say that the work is ready and handed over privately. Carries no content. @throws Refusal `stale_lease`, `wrong_state`. */
export function completeAssignment(
  deps: Deps,
  call: Call,
  { assignmentId, leaseEpoch }: { assignmentId: string; leaseEpoch: number },
): Promise<Assignment> {
  return once(deps, call, { assignmentId, leaseEpoch }, async (tx) => {
    const record = await getAsAssignee(tx, call.callerId, assignmentId)
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
  return wireOf(await reload(tx, record))
}

/** The buyer passes work that has no reviewer. @throws Refusal `wrong_state` if it has one, or is not submitted. */
export function approveAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await getAsBuyer(tx, call.callerId, assignmentId)
    if (record.kind === 'review') throw new Refusal('wrong_state', 'a review is decided with its target')
    requireState(record, 'submitted')
    const reviews = await listReviewsOf(tx, assignmentId)
    if (reviews.some(isOpen)) throw new Refusal('wrong_state', 'reviewers decide this work')
    return wireOf(await decideWork(deps, tx, record, { end: 'passed', actor: call.callerId, spoke: async () => false }))
  })
}

/** The buyer takes an assignment back. @throws Refusal `wrong_state` while it is under a live lease, submitted or over. */
export function cancelAssignment(deps: Deps, call: Call, assignmentId: string): Promise<Assignment> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const record = await getAsBuyer(tx, call.callerId, assignmentId)
    return wireOf(await cancelForBuyer(deps, tx, record))
  })
}

/**
 * Fund an assignment that was made without its money.
 *
 * @throws Refusal `wrong_state`, `already_exists`, `insufficient_funds`; `invalid_input` for another amount than the price.
 */
export function holdForAssignment(
  deps: Deps,
  call: Call,
  { assignmentId, amount }: { assignmentId: string; amount?: string | undefined },
): Promise<Hold> {
  return once(deps, call, { assignmentId, amount }, async (tx) => {
    const record = await getAsBuyer(tx, call.callerId, assignmentId)
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
    const hold = await getHold(tx, call.callerId, holdId)
    if (hold.payerId !== call.callerId) throw new Refusal('forbidden', 'only the payer may take a hold back')
    if (hold.state !== 'active') throw new Refusal('already_settled', `the hold is ${hold.state}`)
    await cancelForBuyer(deps, tx, await getAsBuyer(tx, call.callerId, hold.assignmentId))
    return holdOf(await getHold(tx, call.callerId, holdId))
  })
}
