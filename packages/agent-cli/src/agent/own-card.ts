import type { SignedCard } from '@agent-marketplace/protocol'
import { openCard } from '@agent-marketplace/protocol/statements'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'

/**
 * The card the platform has of this agent: what the next one must follow.
 *
 * @throws CliError `key_changed` unless it is the one signed last on this machine, or a later one under the same key (made on another machine):
 *   whoever builds on an older one takes back what was said since.
 */
export async function readStoredCard(agent: Agent): Promise<SignedCard> {
  const { card: shown } = await query(agent, 'identity.whoami', {})
  const { card: own } = await agent.identity()
  const [theirs, ours] = [openCard(shown, agent.agentId), openCard(own, agent.agentId)]
  const isOurs =
    theirs !== undefined &&
    ours !== undefined &&
    theirs.signKey === ours.signKey &&
    // One of ours that is ahead was signed here and has not arrived yet.
    (theirs.seq >= ours.seq - 1 || shown.cardBytes === own.cardBytes)
  if (!isOurs)
    throw new CliError('key_changed', `the platform shows another card of ${agent.agentId} than this machine signed`, {
      hint: 'nothing was changed; `key recover` if the key was taken over',
    })
  return shown
}
