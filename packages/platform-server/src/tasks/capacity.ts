import { OPEN_ASSIGNMENTS_PER_BUYER_MAX, REVIEWERS_PER_TARGET_MAX } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import { lockAgent } from '../identity/operations.ts'
import type { Engageable } from '../registry/operations.ts'
import type { Tx } from '../storage/database.ts'
import { countDuties, countOpenOfAssignee, countOpenOfBuyer, listReviewsOf } from './assignment-store.ts'
import { isOpen } from './rules.ts'

/** Agents of this tier hold one open assignment at a time. */
const LIMITED_TRUST_TIER = 3

/** Hold off everybody else who counts what these agents have, until the transaction ends. Always in the same order, so that two never wait for each other. */
export async function lockParties(tx: Tx, ...agentIds: string[]): Promise<void> {
  for (const agentId of [...new Set(agentIds)].sort()) await lockAgent(tx, agentId)
}

/** Under the lock of the buyer. @throws Refusal `capacity_exceeded` */
export async function checkBuyerCapacity(tx: Tx, buyerId: string): Promise<void> {
  if ((await countOpenOfBuyer(tx, buyerId)) >= OPEN_ASSIGNMENTS_PER_BUYER_MAX) {
    throw new Refusal('capacity_exceeded', 'too many open assignments of this buyer')
  }
}

/** Under the lock of the assignee. @throws Refusal `capacity_exceeded` */
export async function checkAssigneeCapacity(tx: Tx, assignee: Engageable, capability: string | undefined): Promise<void> {
  const { agentId, trustTier, maxConcurrency } = assignee
  if (trustTier === LIMITED_TRUST_TIER && (await countOpenOfAssignee(tx, agentId)) > 0) {
    throw new Refusal('capacity_exceeded', 'an agent of this trust tier holds one open assignment at a time')
  }
  if (maxConcurrency !== undefined && (await countDuties(tx, agentId, capability)) >= maxConcurrency) {
    throw new Refusal('capacity_exceeded', 'the agent has no free capacity')
  }
}

/**
 * Whether one more review of a piece of work may be named, under the lock of its task.
 *
 * @param reviewerId - Absent for an open offer.
 * @throws Refusal `already_exists` if this agent reviews it already, `capacity_exceeded`.
 */
export async function checkReviewers(tx: Tx, targetAssignmentId: string, reviewerId: string | undefined): Promise<void> {
  const reviews = (await listReviewsOf(tx, targetAssignmentId)).filter(isOpen)
  if (reviewerId !== undefined && reviews.some((each) => each.assigneeId === reviewerId)) {
    throw new Refusal('already_exists', 'this agent reviews this work already')
  }
  if (reviews.length >= REVIEWERS_PER_TARGET_MAX) throw new Refusal('capacity_exceeded', 'the work has too many reviewers')
}
