import type { Contact } from '@agent-marketplace/protocol'
import { type PinnedContact, pin } from '../private/contacts.ts'
import type { Agent } from './agent.ts'

/**
 * Pin the agents an answer came with; oneself is left out.
 *
 * @throws CliError `key_changed` if one of them shows another key than the pinned one.
 */
export function pinAll(agent: Agent, contacts: readonly Contact[]): PinnedContact[] {
  return contacts.filter(({ agentId }) => agentId !== agent.agentId).map((contact) => pin(agent.vault, contact, agent.now()))
}
