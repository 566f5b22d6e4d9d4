import { AgentCard, type Endorsement, fromBase64url, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { sha256, verify } from '@agent-marketplace/protocol/signing'
import { Refusal } from '../errors.ts'

/** A card whose signature fits the key it names, with its exact bytes. */
export interface VerifiedCard {
  readonly card: AgentCard
  readonly signKey: Uint8Array
  readonly cardBytes: Uint8Array
  readonly signature: Uint8Array
}

/** What is stored of an agent's identity. */
export interface KnownIdentity {
  readonly signKey: Uint8Array
  readonly cardSeq: number
  readonly cardBytes: Uint8Array
}

/**
 * Verify a signed card, then parse it strictly.
 *
 * @throws Refusal `invalid_input` if the bytes are no card; `unauthenticated` if the signature does not fit.
 */
export function verifyCard(signed: SignedCard): VerifiedCard {
  const cardBytes = bytesOf(signed.cardBytes)
  const signature = bytesOf(signed.signature)
  const claimed = parseJson(cardBytes)
  const signKey = signKeyOf(claimed)
  if (!verify('card', cardBytes, signature, signKey))
    throw new Refusal('unauthenticated', 'the card is not signed by the key it names')
  const parsed = AgentCard.safeParse(claimed)
  if (!parsed.success) throw new Refusal('invalid_input', 'the card is not an agent card')
  return { card: parsed.data, signKey, cardBytes, signature }
}

/**
 * Decide whether a card may stand for an id that is not taken.
 *
 * @throws Refusal `invalid_input` unless it is the first of a chain and active.
 */
export function checkFirstCard(card: AgentCard): void {
  if (card.seq !== 1 || card.previous !== undefined || card.status !== 'active') {
    throw new Refusal('invalid_input', 'the first card of an agent has seq 1, no previous card and is active')
  }
}

/**
 * Decide what a card does to an id that is taken.
 *
 * @returns `same` if it is the stored card, `next` if it follows it, `rotation` if it follows it under another key, `revocation` if it follows
 *   it and ends its key.
 * @throws Refusal `already_exists` for another key that nobody endorsed; `unauthenticated` for an endorsement that does not fit;
 *   `wrong_state` for a card that does not follow the stored one, or follows a revoked one without the word of the recovery key;
 *   `invalid_input` for another key that is revoked as it comes.
 */
export function decideUpdate(
  known: KnownIdentity,
  next: VerifiedCard,
  endorsement: Endorsement | undefined,
): 'same' | 'next' | 'rotation' | 'revocation' {
  const isSameKey = equal(known.signKey, next.signKey)
  if (isSameKey && equal(known.cardBytes, next.cardBytes)) return 'same'
  if (!isSameKey) checkEndorsement(known, next, endorsement)
  const previous = toBase64url(sha256(known.cardBytes))
  if (next.card.seq !== known.cardSeq + 1 || next.card.previous !== previous) {
    throw new Refusal('wrong_state', `the stored card has seq ${known.cardSeq}; the next one must follow it`)
  }
  if (storedCard(known.cardBytes).status === 'revoked' && endorsement?.recoveryKey === undefined)
    throw new Refusal('wrong_state', 'this key was revoked: only the recovery key can replace it')
  if (next.card.status === 'revoked' && !isSameKey) throw new Refusal('invalid_input', 'a key that takes over is active')
  if (!isSameKey) return 'rotation'
  return next.card.status === 'revoked' ? 'revocation' : 'next'
}

/** Another key takes over only with the word of the old key, or of the recovery key that the stored card committed to. */
function checkEndorsement(known: KnownIdentity, next: VerifiedCard, endorsement: Endorsement | undefined): void {
  if (!endorsement) throw new Refusal('already_exists', 'this agent id belongs to another key')
  const { signature, recoveryKey } = endorsement
  const isCommitted = recoveryKey === undefined || isCommittedTo(known.cardBytes, bytesOf(recoveryKey))
  const endorser = recoveryKey === undefined ? known.signKey : bytesOf(recoveryKey)
  if (!isCommitted || !verify('card', next.cardBytes, bytesOf(signature), endorser))
    throw new Refusal('unauthenticated', 'the new key is endorsed neither by the old key nor by the recovery key')
}

/** Whether a stored card committed to this recovery key. */
export function isCommittedTo(cardBytes: Uint8Array, recoveryKey: Uint8Array): boolean {
  return toBase64url(sha256(recoveryKey)) === storedCard(cardBytes).recoveryKeyHash
}

function storedCard(cardBytes: Uint8Array): AgentCard {
  return AgentCard.parse(parseJson(cardBytes))
}

function signKeyOf(claimed: unknown): Uint8Array {
  const signKey = typeof claimed === 'object' && claimed !== null && 'signKey' in claimed ? claimed.signKey : undefined
  const bytes = typeof signKey === 'string' ? fromBase64url(signKey) : undefined
  if (bytes?.length !== 32) throw new Refusal('invalid_input', 'the card names no key')
  return bytes
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw new Refusal('invalid_input', 'the card is not JSON')
  }
}

function bytesOf(base64url: string): Uint8Array {
  const bytes = fromBase64url(base64url)
  if (!bytes) throw new Refusal('invalid_input', 'not canonical base64url')
  return bytes
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
