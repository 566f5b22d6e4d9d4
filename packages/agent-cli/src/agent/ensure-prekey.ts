import { currentPrekey, markPublished } from '../private/prekeys.ts'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'

/**
 * See to it that others can seal to this agent: publish a fresh prekey when the newest is older than 7 days or was never published.
 * Secret halves are destroyed 7 days after expiry.
 *
 * @returns when the prekey in force expires, ms.
 */
export async function ensurePrekey(agent: Agent): Promise<number> {
  const { signed, isPublished } = currentPrekey(agent.vault, agent.keyring, agent.now())
  if (!isPublished) {
    await mutate(agent, 'identity.publishPrekey', { prekey: signed })
    markPublished(agent.vault, signed)
  }
  return signed.expiresAtMs
}
