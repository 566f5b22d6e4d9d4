import {
  type AssignInput,
  type AssignReceipt,
  OPEN_ASSIGNMENTS_PER_BUYER_MAX,
  parseAmount,
  REVIEWERS_PER_TARGET_MAX,
  type Task,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { listContacts } from '../identity/operations.ts'
import { type Engageable, getEngageable } from '../registry/operations.ts'
import { makeHold } from '../settlement/operations.ts'
import type { Tx } from '../storage/database.ts'
import { wireOf } from './assignment-life.ts'
import { countDuties, countOpenOfBuyer, findAssignment, insertAssignment, listReviewsOf, markFunded } from './assignment-store.ts'
import { type AssignmentRecord, isOpen, refuseSelfDealing, requireState } from './rules.ts'
import { admit, chooseSession, getOpenTask } from './task-operations.ts'

/** Agents of this tier hold one open assignment at a time. */
const LIMITED_TRUST_TIER = 3

/**
 * Give an agent a duty in a task; with a price, set the money aside in the same transaction, or do neither.
 *
 * @throws Refusal `not_found`, `wrong_state`, `self_dealing`, `capacity_exceeded`, `already_exists` (this reviewer reviews it already), `insufficient_funds`, `invalid_input`.
 */
export function assign(deps: Deps, call: Call, input: AssignInput): Promise<AssignReceipt> {
  return once(deps, call, input, async (tx) => {
    const task = await getOpenTask(tx, call.callerId, input.taskId)
    const target = await findTarget(tx, task, input)
    const { sessionId } = await chooseSession(deps, tx, task.taskId, input.sessionId)
    const assignee = await getEngageable(tx, input.assigneeAgentId, input.capability)
    refuseSelfDealing({ ...task, kind: input.kind, assigneeId: assignee.agentId, target })
    await checkCapacity(tx, task.buyerId, assignee, input.capability)
    if (target) await checkReviewers(tx, target, assignee.agentId)

    const record = recordOf(deps, { task, target, sessionId, input })
    await insertAssignment(tx, record)
    await admit(tx, task.taskId, assignee.agentId)
    const holdId = input.fund ? await fund(deps, tx, record) : undefined
    await announce(deps, tx, record, target)
    const contacts = await listContacts(deps, tx, [assignee.agentId])
    return { assignment: wireOf({ ...record, funded: holdId !== undefined }), contacts, holdId }
  })
}

async function findTarget(tx: Tx, task: Task, { kind, targetAssignmentId }: AssignInput): Promise<AssignmentRecord | undefined> {
  if (kind === 'execute') {
    if (targetAssignmentId !== undefined) throw new Refusal('invalid_input', 'only a review has a target')
    return undefined
  }
  if (targetAssignmentId === undefined) throw new Refusal('invalid_input', 'a review needs a target assignment')
  const target = await findAssignment(tx, targetAssignmentId)
  if (target?.taskId !== task.taskId || target.kind !== 'execute') throw notFound('work to review in this task')
  requireState(target, 'offered', 'assigned', 'working', 'submitted')
  return target
}

async function checkCapacity(tx: Tx, buyerId: string, assignee: Engageable, capability: string | undefined): Promise<void> {
  if ((await countOpenOfBuyer(tx, buyerId)) >= OPEN_ASSIGNMENTS_PER_BUYER_MAX) {
    throw new Refusal('capacity_exceeded', 'too many open assignments of this buyer')
  }
  if (assignee.trustTier === LIMITED_TRUST_TIER && (await countDuties(tx, assignee.agentId)) > 0) {
    throw new Refusal('capacity_exceeded', 'an agent of this trust tier holds one open assignment at a time')
  }
  if (assignee.maxConcurrency !== undefined && (await countDuties(tx, assignee.agentId, capability)) >= assignee.maxConcurrency) {
    throw new Refusal('capacity_exceeded', 'the agent has no free capacity')
  }
}

async function checkReviewers(tx: Tx, target: AssignmentRecord, reviewerId: string): Promise<void> {
  const reviews = (await listReviewsOf(tx, target.assignmentId)).filter(isOpen)
  if (reviews.some((each) => each.assigneeId === reviewerId))
    throw new Refusal('already_exists', 'this agent reviews this work already')
  if (reviews.length >= REVIEWERS_PER_TARGET_MAX) throw new Refusal('capacity_exceeded', 'the work has too many reviewers')
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
    state: 'assigned',
    buyerId: task.buyerId,
    assigneeId: input.assigneeAgentId,
    targetAssignmentId: input.targetAssignmentId,
    capability: input.capability,
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
  if (priceMicro === 0n || assigneeId === undefined) return undefined
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

async function announce(deps: Deps, tx: Tx, record: AssignmentRecord, target: AssignmentRecord | undefined): Promise<void> {
  const { taskId, assignmentId, targetAssignmentId, assigneeId, buyerId } = record
  const ids = { taskId, assignmentId, targetAssignmentId }
  await appendEvents(deps, tx, [assigneeId, buyerId], { kind: 'assignment.assigned', ...ids })
  if (target) await appendEvents(deps, tx, [assigneeId, target.assigneeId], { kind: 'review.assigned', ...ids })
}
