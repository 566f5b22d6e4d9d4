import {
  fromBase64url,
  type RelayTokenClass,
  type RelayTokenKeys,
  relayTokenEpochAt,
  relayTokenEpochRetiresAtMs,
} from '@agent-marketplace/protocol'
import { sha256 } from '@agent-marketplace/protocol/signing'
import type { TokenKeyName } from '../private/tokens.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import { CliError } from './cli-error.ts'

/** The public key of an epoch and class, as the relay states it. */
export interface TokenKey extends TokenKeyName {
  readonly epoch: number
  /** base64url, 256 bytes. */
  readonly modulus: string
}

const known = new WeakMap<RelayClient, RelayTokenKeys>()

/**
 * Find the key whose tokens a relay takes at a moment. Keys come from the relay, which tells them to everybody over connections without a name, and
 * never from the platform, which could give every agent a key of its own to know its tokens by.
 *
 * @returns `undefined` if the relay takes no tokens.
 * @throws CliError `unavailable` if it has no key for that moment; as `RelayClient.keys`.
 */
export async function findTokenKey(relay: RelayClient, tokenClass: RelayTokenClass, atMs: number): Promise<TokenKey | undefined> {
  const epoch = relayTokenEpochAt(atMs)
  const keys = await keysFor(relay, epoch)
  if (keys.epochs.length === 0) return undefined
  const modulus = keys.epochs.find((each) => each.epoch === epoch)?.[tokenClass]
  const bytes = fromBase64url(modulus ?? '')
  if (!modulus || !bytes)
    throw new CliError('unavailable', 'the relay has no token key for this week', {
      hint: 'see `agent-marketplace doctor` for the clock',
    })
  return { epoch, tokenClass, modulus, keyId: sha256(bytes), expiresAtMs: relayTokenEpochRetiresAtMs(epoch) }
}

/** Ask the relay again the next time: what it said before seems to hold no longer. */
export function forgetTokenKeys(relay: RelayClient): void {
  known.delete(relay)
}

async function keysFor(relay: RelayClient, epoch: number): Promise<RelayTokenKeys> {
  const before = known.get(relay)
  if (before && (before.epochs.length === 0 || before.epochs.some((each) => each.epoch === epoch))) return before
  const keys = await relay.keys()
  known.set(relay, keys)
  return keys
}
