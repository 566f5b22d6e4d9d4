import { type AssignInput, type AssignReceipt, parseAmount, type Task } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { listContacts, lockAgent } from '../identity/operations.ts'
import { getEngageable } from '../registry/operations.ts'
import { makeHold } from '../settlement/operations.ts'
import type { Tx } from '../storage/database.ts'
import { lockAssignment, wireOf } from './assignment-life.ts'
import { insertAssignment, listReviewsOf } from './assignment-store.ts'
import { checkAssigneeCapacity, checkReviewers, takeBuyerPlace } from './capacity.ts'
import { type AssignmentRecord, checkShape, refuseSelfDealing, requireState } from './rules.ts'
import { admit, chooseSession, lockOpenTask } from './task-operations.ts'
import { markFunded } from './transition-store.ts'

/**
 * Give an agent a duty in a task, or offer it to whoever has the capability; with a price, set the money aside in the same transaction, or do neither.
 *
 * Locks, here and wherever something is claimed: the task, the assignee, the work under review, the buyer's places, money.
 *
 * @throws Refusal `not_found`, `wrong_state`, `self_dealing`, `capacity_exceeded`, `already_exists` (this reviewer reviews it already), `insufficient_funds`, `invalid_input`.
 */
export function assign(deps: Deps, call: Call, input: AssignInput): Promise<AssignReceipt> {
  checkShape(input)
  return once(deps, call, input, async (tx) => {
    const { assigneeAgentId: assigneeId } = input
    const task = await lockOpenTask(tx, call.callerId, input.taskId)
    if (assigneeId) await lockAgent(tx, assigneeId)
    const target = await findTarget(tx, task, input.targetAssignmentId)
    const { sessionId } = await chooseSession(deps, tx, task.taskId, input.sessionId)
    await takeBuyerPlace(tx, task.buyerId)
    if (assigneeId) await checkAssignee(tx, task, target, { ...input, assigneeId })
    if (target) await checkReviewers(tx, target.assignmentId, assigneeId)

    const record = recordOf(deps, { task, target, sessionId, input })
    await insertAssignment(tx, record)
    if (assigneeId) await admit(tx, task.taskId, assigneeId)
    const holdId = input.fund ? await fund(deps, tx, record) : undefined
    if (assigneeId) await announce(deps, tx, record, target)
    else await announceOffer(deps, tx, record)
    const contacts = await listContacts(deps, tx, assigneeId ? [assigneeId] : [])
    return { assignment: wireOf({ ...record, funded: holdId !== undefined }), contacts, holdId }
  })
}

async function findTarget(tx: Tx, task: Task, targetAssignmentId: string | undefined): Promise<AssignmentRecord | undefined> {
  if (targetAssignmentId === undefined) return undefined
  const target = await lockAssignment(tx, targetAssignmentId)
  if (target?.taskId !== task.taskId || target.kind !== 'execute') throw notFound('work to review in this task')
  requireState(target, 'offered', 'assigned', 'working', 'submitted')
  if (target.state === 'submitted') await refuseFirstReviewer(tx, target)
  return target
}

/** Work that was handed over without a reviewer is its buyer's already: one named now could only take the money back for what was delivered. */
async function refuseFirstReviewer(tx: Tx, { assignmentId }: AssignmentRecord): Promise<void> {
  if ((await listReviewsOf(tx, assignmentId)).length > 0) return
  throw new Refusal('wrong_state', 'the work is submitted, and no reviewer was named before', {
    hint: 'approve it, or let it pass by itself; name reviewers before the work is submitted',
  })
}

async function checkAssignee(
  tx: Tx,
  task: Task,
  target: AssignmentRecord | undefined,
  { assigneeId, capability, kind }: Pick<AssignInput, 'capability' | 'kind'> & { assigneeId: string },
): Promise<void> {
  const assignee = await getEngageable(tx, assigneeId, capability)
  refuseSelfDealing({ ...task, kind, assigneeId, executorId: target?.assigneeId })
  await checkAssigneeCapacity(tx, assignee, capability)
}

/** A review runs along its target: it starts at the target's attempt and may see as many as the target has. The fee is taken from work only. */
function recordOf(
  deps: Deps,
  { task, target, sessionId, input }: { task: Task; target: AssignmentRecord | undefined; sessionId: string; input: AssignInput },
): AssignmentRecord {
  return {
    assignmentId: deps.newId('asg'),
    taskId: task.taskId,
    sessionId,
    kind: input.kind,
    state: input.assigneeAgentId === undefined ? 'offered' : 'assigned',
    buyerId: task.buyerId,
    assigneeId: input.assigneeAgentId,
    targetAssignmentId: input.targetAssignmentId,
    capability: input.capability,
    minReputationBps: input.minReputation,
    priceMicro: input.price === undefined ? 0n : (parseAmount(input.price) ?? 0n),
    funded: false,
    feeBps: target ? 0 : deps.config.feeBps,
    reviewRule: task.reviewRule,
    buyerMayReview: task.buyerMayReview,
    attempt: target?.attempt ?? 1,
    maxAttempts: target?.maxAttempts ?? input.maxAttempts,
    leaseEpoch: 0,
    leaseMs: input.leaseMs,
    leaseExpiresAtMs: undefined,
    acceptByMs: deps.now() + input.acceptWithinMs,
    reviewWithinMs: input.reviewWithinMs,
    reviewByMs: undefined,
    hasSpoken: false,
  }
}

/**
 * Set the price of an assignment aside.
 *
 * @returns the id of the hold; `undefined` for work without a price.
 * @throws Refusal `insufficient_funds`, `already_exists`.
 */
export async function fund(deps: Deps, tx: Tx, record: AssignmentRecord): Promise<string | undefined> {
  const { assignmentId, taskId, buyerId, assigneeId, priceMicro, feeBps } = record
  if (priceMicro === 0n) return undefined
  const hold = await makeHold(deps, tx, {
    assignmentId,
    taskId,
    payerId: buyerId,
    payeeId: assigneeId,
    amountMicro: priceMicro,
    feeBps,
  })
  await markFunded(tx, assignmentId)
  return hold.holdId
}

/** Tell both parties; of a review also the executor, so that a reviewer named late still gets the work. */
export async function announce(
  deps: Deps,
  tx: Tx,
  { taskId, assignmentId, targetAssignmentId, assigneeId, buyerId }: AssignmentRecord,
  target: AssignmentRecord | undefined,
): Promise<void> {
  const ids = { taskId, assignmentId, targetAssignmentId }
  await appendEvents(deps, tx, [assigneeId, buyerId], { kind: 'assignment.assigned', ...ids })
  if (target) await appendEvents(deps, tx, [assigneeId, target.assigneeId], { kind: 'review.assigned', ...ids })
}

/** An offer has no party but the buyer yet. Agents look for offers; telling each that has the capability would make one call write thousands of rows. */
async function announceOffer(
  deps: Deps,
  tx: Tx,
  { taskId, assignmentId, targetAssignmentId, buyerId }: AssignmentRecord,
): Promise<void> {
  await appendEvents(deps, tx, [buyerId], { kind: 'assignment.offered', taskId, assignmentId, targetAssignmentId })
}
