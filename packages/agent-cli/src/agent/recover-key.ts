import { fromBase64url, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { openSigningKey, type SigningKey, sha256 } from '@agent-marketplace/protocol/signing'
import { openCard } from '@agent-marketplace/protocol/statements'
import { proveIdentity } from '../platform/session.ts'
import { findNextIdentity, keepNextIdentity } from '../private/key-change.ts'
import { readKeyring, readOwnCard } from '../private/keyring.ts'
import { replaceKey } from '../private/replace-key.ts'
import { openVault } from '../private/vault.ts'
import { type AgentOptions, openPlatform } from './agent.ts'
import { readSecret } from './argument.ts'
import { CliError, localState, usage } from './cli-error.ts'
import { finishKeyChange } from './finish-key-change.ts'
import { type ChangedKey, showKey } from './rotate-key.ts'
import type { CardSender } from './send-card.ts'

export interface RecoverInput {
  /** Needed where the profile has no identity any more. */
  readonly agentId?: string | undefined
  /** `@file` or `-`. */
  readonly recoveryKey: string
  readonly key?: string | undefined
}

/**
 * Replace a lost or stolen identity key with the word of the recovery key. The old key ends at once, and so does the recovery key: the result has the
 * one that follows it. An interrupted recovery is finished instead of begun again.
 *
 * @throws CliError `usage` for something else than a recovery key, or without an agent id where none is known; `unauthenticated` if the agent is
 *   unknown or committed to another recovery key; `key_changed` if the platform shows an older card than this machine knows.
 */
export async function recoverKey(options: AgentOptions, { agentId, recoveryKey, key }: RecoverInput): Promise<ChangedKey> {
  const { profile, server, now = Date.now } = options
  const known = readKeyring(profile.directory)
  const of = known?.agentId ?? agentId
  if (of === undefined) throw usage('this profile has no identity: say whose it shall be', '--agent-id ID')
  if (agentId !== undefined && agentId !== of)
    throw usage(`the profile "${profile.name}" belongs to ${of}`, 'name another profile: --profile NAME')
  const recovery = readRecoveryKey(recoveryKey)

  const vault = openVault(profile.directory)
  try {
    const at = { platform: openPlatform(options), vault, server, now, profile }
    if (!findNextIdentity(vault)) {
      const before = await readCardToFollow(at, { agentId: of, recovery, own: known?.card })
      keepNextIdentity(vault, replaceKey(before, { recoveryKey: recovery.secretKey }, { nowMs: now(), renewRecovery: true }))
    }
    const next = findNextIdentity(vault)
    if (next) await finishKeyChange(at, next, key)
    const keyring = readKeyring(profile.directory)
    if (!keyring) throw localState('the identity that was recovered is gone from this machine')
    return showKey(profile, keyring)
  } finally {
    vault.close()
  }
}

function readRecoveryKey(argument: string): SigningKey {
  const bytes = fromBase64url(readSecret(argument, 'the recovery key'))
  const pair = bytes && openSigningKey(bytes)
  if (!pair) throw usage('this is not a recovery key', 'it is the line of 86 characters that `register` showed once')
  return pair
}

/** The card the platform has: genuine, committed to this recovery key, and not older than what this machine knows. */
async function readCardToFollow(
  { platform, server, now }: CardSender,
  { agentId, recovery, own }: { agentId: string; recovery: SigningKey; own: SignedCard | undefined },
): Promise<SignedCard> {
  const { card } = await platform.mutate('identity.openRecovery', () => ({
    proof: proveIdentity({ agentId, signKey: recovery }, server, now()),
    recoveryKey: toBase64url(recovery.publicKey),
  }))
  const said = openCard(card, agentId)
  const isOlder = own !== undefined && said !== undefined && said.seq < readOwnCard(own).seq
  if (!said || isOlder || said.recoveryKeyHash !== toBase64url(sha256(recovery.publicKey)))
    throw new CliError('key_changed', `the card the platform shows for ${agentId} is not one this recovery key can follow`, {
      hint: 'nothing was changed',
    })
  return card
}
