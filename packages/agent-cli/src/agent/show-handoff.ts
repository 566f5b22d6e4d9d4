import type { Assignment } from '@agent-marketplace/protocol'
import type { Agent } from './agent.ts'
import { findOrder } from './find-order.ts'
import { findBrief } from './find-review.ts'
import { readAssignment } from './lease.ts'
import { withoutKeys } from './read-inbox.ts'
import { receiveDrops } from './receive-drops.ts'

/**
 * What the buyer sent to the assignee of an assignment: the order of work, the brief of a review, without the keys of files.
 *
 * @returns `undefined` for anybody but the assignee, and while nothing has arrived.
 */
export async function findHandoff(
  agent: Agent,
  assignment: Assignment,
  signal?: AbortSignal,
): Promise<{ from: string; document: object } | undefined> {
  if (assignment.assigneeId !== agent.agentId) return undefined
  const { targetAssignmentId } = assignment
  const target = targetAssignmentId === undefined ? undefined : await readAssignment(agent, targetAssignmentId)
  const find = () => (target ? findBrief(agent, { review: assignment, target }) : findOrder(agent, assignment))
  if (!find()) await receiveDrops(agent, { signal })
  const message = find()
  return message && { from: message.from, document: withoutKeys(message.document) }
}
