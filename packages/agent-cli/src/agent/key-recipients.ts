import type { Assignment, Contact } from '@agent-marketplace/protocol'
import type { Agent } from './agent.ts'
import { pinAll } from './pin-all.ts'

/**
 * Who gets the keys of work that passed: the buyer, and whom it names beside itself. The buyer vouches for that card by signing the order or the brief.
 *
 * @throws CliError `key_changed` if it is another one than the pinned one.
 */
export async function recipientsOf(
  agent: Agent,
  { buyerId }: Pick<Assignment, 'buyerId'>,
  deliverTo: Contact | undefined,
): Promise<string[]> {
  if (!deliverTo) return [buyerId]
  await pinAll(agent, [deliverTo])
  return [...new Set([buyerId, deliverTo.agentId])]
}
