import type { Assignment } from '@agent-marketplace/protocol'
import { findDocuments, type Message } from '../private/inbox.ts'
import type { Agent } from './agent.ts'

/**
 * The order of an assignment this agent executes, as its buyer sent it; the first one, should a buyer ever send two.
 *
 * @returns `undefined` while none has arrived.
 */
export function findOrder(
  agent: Agent,
  { assignmentId, buyerId }: Pick<Assignment, 'assignmentId' | 'buyerId'>,
): Message<'order.offer'> | undefined {
  return findDocuments(agent.vault, 'order.offer', { assignmentId, from: buyerId })[0]
}
