import { toBase64url } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { findNextIdentity, keepNextIdentity } from '../private/key-change.ts'
import { forgetRecovery, type Keyring, readOwnCard, writeKeyring } from '../private/keyring.ts'
import { replaceKey } from '../private/replace-key.ts'
import type { Agent, Profile } from './agent.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { finishKeyChange } from './finish-key-change.ts'
import { readStoredCard } from './own-card.ts'

export interface ChangedKey {
  readonly agentId: string
  /** Of the identity key in force. */
  readonly fingerprint: string
  /** Number of its card. */
  readonly seq: number
  /** Given once, where there is a new one: the Ed25519 secret key (64 bytes, base64url) that can replace a lost identity key. */
  readonly recoveryKey?: string
}

/**
 * Replace the identity key by a fresh one, with the word of the old one. The new key is on disk before it is sent; a change that was interrupted is
 * finished instead of begun again.
 *
 * @param options.renewRecovery - Replace the recovery key too.
 * @throws CliError `key_changed` if the platform shows another card than ours; as `finishKeyChange`.
 */
export async function rotateKey(
  agent: Agent,
  { renewRecovery, key }: { renewRecovery?: boolean | undefined; key?: string | undefined } = {},
): Promise<ChangedKey> {
  const { vault, profile, now } = agent
  if (!findNextIdentity(vault)) {
    // What was sealed under the old key is read for a week after: as little as possible should leave later.
    await deliverOutbox(agent, { evenAfterFailure: true }).catch(() => undefined)
    const before = await readStoredCard(agent)
    const { signKey } = await agent.identity()
    keepNextIdentity(
      vault,
      replaceKey(before, { identityKey: signKey.secretKey }, { nowMs: now(), renewRecovery: renewRecovery === true }),
    )
  }
  const next = findNextIdentity(vault)
  if (next) await finishKeyChange(agent, next, key)
  return showKey(profile, await agent.identity())
}

/** The identity key in force; a recovery key that was never shown is shown, and forgotten. */
export function showKey(profile: Profile, keyring: Keyring): ChangedKey {
  if (keyring.recoverySecret) writeKeyring(profile.directory, forgetRecovery(keyring))
  return {
    ...describeKey(keyring),
    ...(keyring.recoverySecret && { recoveryKey: toBase64url(keyring.recoverySecret) }),
  }
}

/** The identity key in force, without its secrets. */
export function describeKey({ agentId, signKey, card }: Keyring): Omit<ChangedKey, 'recoveryKey'> {
  return { agentId, fingerprint: fingerprint(signKey.publicKey), seq: readOwnCard(card).seq }
}
