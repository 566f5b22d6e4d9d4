import {
  LIMITED_TRUST_TIER,
  OPEN_ASSIGNMENTS_PER_BUYER_MAX,
  REVIEWERS_PER_TARGET_MAX,
  REVIEWS_PER_TARGET_MAX,
} from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import type { Engageable } from '../registry/operations.ts'
import type { Tx } from '../storage/database.ts'
import { countDuties, countOpenOfAssignee, listReviewsOf } from './assignment-store.ts'
import { isOpen } from './rules.ts'
import { addOpenAssignment } from './tally-store.ts'

/** Take one of the places that a buyer has for open assignments; it is given back when the assignment ends. @throws Refusal `capacity_exceeded` */
export async function takeBuyerPlace(tx: Tx, buyerId: string): Promise<void> {
  if (!(await addOpenAssignment(tx, buyerId, OPEN_ASSIGNMENTS_PER_BUYER_MAX))) {
    throw new Refusal('capacity_exceeded', 'too many open assignments of this buyer')
  }
}

/** Under the lock of the assignee: nobody else counts meanwhile what it has. @throws Refusal `capacity_exceeded` */
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
  const named = await listReviewsOf(tx, targetAssignmentId)
  const reviews = named.filter(isOpen)
  if (reviewerId !== undefined && reviews.some((each) => each.assigneeId === reviewerId)) {
    throw new Refusal('already_exists', 'this agent reviews this work already')
  }
  if (named.length >= REVIEWS_PER_TARGET_MAX)
    throw new Refusal('capacity_exceeded', 'too many reviewers were named for this work, one after the other')
  if (reviews.length >= REVIEWERS_PER_TARGET_MAX) throw new Refusal('capacity_exceeded', 'the work has too many reviewers')
}
