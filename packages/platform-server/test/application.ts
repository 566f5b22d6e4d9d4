import { type Endorsement, type RegisterInput, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey, sha256, sign } from '@agent-marketplace/protocol/signing'
import type { Deps } from '../src/deps.ts'
import { callAs, proveKey, signCard, signPrekey, type TestPlatform } from './platform.ts'

export type Keys = ReturnType<typeof generateSigningKey>

/** A well-formed registration of an id by a key, to be spoiled by whoever tests what is refused. */
export function applicationOf(
  deps: Deps,
  {
    agentId,
    keys = generateSigningKey(),
    ...card
  }: { agentId: string; keys?: Keys; seq?: number; previous?: SignedCard; name?: string },
): RegisterInput {
  const nowMs = deps.now()
  return {
    card: signCard(keys, { agentId, nowMs, ...card }),
    proof: proveKey(keys, { agentId, audience: deps.config.origin, nowMs }),
    prekey: signPrekey(keys, { agentId, nowMs }),
  }
}

/** Register an id whose card commits to this recovery key. @returns its keys and its card. */
export async function registerWith(
  { deps }: Pick<TestPlatform, 'deps'>,
  { agentId, recoveryKey }: { agentId: string; recoveryKey: Uint8Array },
): Promise<{ agentId: string; keys: Keys; card: SignedCard }> {
  const keys = generateSigningKey()
  const first = applicationOf(deps, { agentId, keys })
  const card = signAnyCard(keys, { ...readCard(first.card), recoveryKeyHash: toBase64url(sha256(recoveryKey)) })
  await callAs(deps, undefined, `register-${agentId}`).identity.register({ ...first, card })
  return { agentId, keys, card }
}

/** A card that says what it likes, signed by this key. */
export function signAnyCard(keys: Keys, card: object): SignedCard {
  const bytes = new TextEncoder().encode(JSON.stringify(card))
  return { cardBytes: toBase64url(bytes), signature: toBase64url(sign('card', bytes, keys.secretKey)) }
}

/** What a signed card says. */
export function readCard(card: SignedCard): Record<string, unknown> {
  return JSON.parse(Buffer.from(card.cardBytes, 'base64url').toString())
}

export function hashOf(card: SignedCard): string {
  return toBase64url(sha256(Buffer.from(card.cardBytes, 'base64url')))
}

/** Another key vouches for a card. */
export function endorse(keys: Keys, card: SignedCard): Endorsement {
  return { signature: toBase64url(sign('card', Buffer.from(card.cardBytes, 'base64url'), keys.secretKey)) }
}
