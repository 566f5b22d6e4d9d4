import type { Contact } from '@agent-marketplace/protocol'
import type { PinnedContact } from '../private/contacts.ts'
import type { Agent } from './agent.ts'
import { pinContact } from './pin-contact.ts'

/**
 * Pin the agents an answer came with; oneself is left out.
 *
 * @throws CliError `key_changed` if one of them shows another key than the pinned one.
 */
export async function pinAll(agent: Agent, contacts: readonly Contact[]): Promise<PinnedContact[]> {
  const pinned: PinnedContact[] = []
  for (const contact of contacts) if (contact.agentId !== agent.agentId) pinned.push(await pinContact(agent, contact))
  return pinned
}
