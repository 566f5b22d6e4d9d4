import type { Assignment } from '@agent-marketplace/protocol'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'
import { pinAll } from './pin-all.ts'

/**
 * Claim an open offer: it is this agent's to accept or to decline. The buyer, who is known from now on, is pinned, and with a review the executor.
 *
 * @throws CliError `not_found` if it is not on offer to this agent, or not any more; `capacity_exceeded`; `key_changed` if a party shows another key than the pinned one.
 */
export async function claimOffer(agent: Agent, assignmentId: string, key?: string): Promise<Assignment> {
  const { assignment, contacts } = await mutate(agent, 'tasks.claimOffer', { assignmentId }, key)
  await pinAll(agent, contacts)
  return assignment
}
