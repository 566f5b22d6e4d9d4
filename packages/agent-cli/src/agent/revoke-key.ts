import { readOwnCard, writeKeyring } from '../private/keyring.ts'
import { revokeCard } from '../private/replace-key.ts'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'
import { CliError } from './cli-error.ts'
import { readStoredCard } from './own-card.ts'
import { type ChangedKey, showKey } from './rotate-key.ts'
import { sendCard } from './send-card.ts'

/**
 * Leave the platform and say, signed, that this identity key is not to be trusted any more. Only the recovery key can bring the agent back.
 * Interrupted, the same call goes on: the revoked card is on disk before it is sent.
 */
export async function revokeKey(agent: Agent, key?: string | undefined): Promise<ChangedKey> {
  const keyring = await agent.identity()
  if (readOwnCard(keyring.card).status !== 'revoked') {
    const card = revokeCard(keyring, await readStoredCard(agent), agent.now())
    writeKeyring(agent.profile.directory, { ...keyring, card })
  }
  const revoked = await agent.identity()
  await leave(agent)
  await sendCard(agent, revoked, { key })
  return showKey(agent.profile, revoked)
}

/** One that has left already has no session to say so with. */
async function leave(agent: Agent): Promise<void> {
  try {
    await mutate(agent, 'identity.deregister', {})
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'unauthenticated') throw error
  }
}
