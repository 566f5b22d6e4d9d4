import { type Endorsement, fromBase64url, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey, sha256, sign } from '@agent-marketplace/protocol/signing'
import { hashOf } from '@agent-marketplace/protocol/statements'
import { type Keyring, readOwnCard, signCard } from './keyring.ts'

/** Who vouches for a key that takes over: the identity key (64 bytes), or the recovery key that the card before committed to. */
export type Endorser = { readonly identityKey: Uint8Array } | { readonly recoveryKey: Uint8Array }

/**
 * The identity that follows a card under a fresh key, and the word for it. Nothing is written.
 *
 * @param before - The card the platform has.
 * @param options.renewRecovery - Commit to a fresh recovery key; it is in the result, to be shown once. The recovery key stays if not given.
 */
export function replaceKey(
  before: SignedCard,
  endorser: Endorser,
  { nowMs, renewRecovery = false }: { nowMs: number; renewRecovery?: boolean },
): { keyring: Keyring; endorsement: Endorsement } {
  const said = readOwnCard(before)
  const signKey = generateSigningKey()
  const recovery = renewRecovery ? generateSigningKey() : undefined
  const card = signCard(
    {
      ...said,
      seq: said.seq + 1,
      signKey: toBase64url(signKey.publicKey),
      ...(recovery && { recoveryKeyHash: toBase64url(sha256(recovery.publicKey)) }),
      status: 'active',
      issuedAtMs: nowMs,
      previous: hashOf(before),
    },
    signKey.secretKey,
  )
  const isRecovery = 'recoveryKey' in endorser
  const secret = isRecovery ? endorser.recoveryKey : endorser.identityKey
  const signature = toBase64url(sign('card', fromBase64url(card.cardBytes) ?? new Uint8Array(), secret))
  return {
    keyring: { agentId: said.agentId, signKey, card, ...(recovery && { recoverySecret: recovery.secretKey }) },
    endorsement: { signature, ...(isRecovery && { recoveryKey: toBase64url(secret.slice(32)) }) },
  }
}

/** The last card of a key: it says that the key is not to be trusted any more. Nothing is written. */
export function revokeCard({ signKey }: Keyring, before: SignedCard, nowMs: number): SignedCard {
  const said = readOwnCard(before)
  return signCard(
    { ...said, seq: said.seq + 1, status: 'revoked', issuedAtMs: nowMs, previous: hashOf(before) },
    signKey.secretKey,
  )
}
