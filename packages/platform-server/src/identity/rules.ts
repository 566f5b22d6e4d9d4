import {
  AgentCard,
  fromBase64url,
  PREKEY_LIFETIME_MS,
  prekeyBytes,
  SESSION_CLOCK_SKEW_MS,
  type SessionProof,
  type SignedCard,
  type SignedPrekey,
  sessionProofBytes,
  toBase64url,
} from '@agent-marketplace/protocol'
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
  const signKey = claimedSignKey(cardBytes)
  if (!verify('card', cardBytes, signature, signKey))
    throw new Refusal('unauthenticated', 'the card is not signed by the key it names')
  const parsed = AgentCard.safeParse(parseJson(cardBytes))
  if (!parsed.success) throw new Refusal('invalid_input', 'the card is not an agent card')
  return { card: parsed.data, signKey, cardBytes, signature }
}

/**
 * Check a proof of possession against the key it should be made with.
 *
 * @param audience - This server's public origin.
 * @throws Refusal `unauthenticated` for another audience, a clock more than a minute off, or a signature that does not fit.
 */
export function verifyProof(
  proof: SessionProof,
  { signKey, audience, nowMs }: { signKey: Uint8Array; audience: string; nowMs: number },
): void {
  const reason = proofFault(proof, { signKey, audience, nowMs })
  if (reason) throw new Refusal('unauthenticated', reason)
}

function proofFault(
  proof: SessionProof,
  { signKey, audience, nowMs }: { signKey: Uint8Array; audience: string; nowMs: number },
): string | undefined {
  if (!verify('session', sessionProofBytes(proof), bytesOf(proof.signature), signKey))
    return 'the proof is not signed by the key of this agent'
  if (proof.audience !== audience) return 'the proof was made for another server'
  if (Math.abs(nowMs - proof.issuedAtMs) > SESSION_CLOCK_SKEW_MS)
    return 'the proof is too old or from the future: check the clock'
  return undefined
}

/** @throws Refusal `invalid_input` for a prekey of another agent, one that does not live 30 days, or is not of now; `unauthenticated` if its signature does not fit. */
export function verifyPrekey(
  prekey: SignedPrekey,
  { agentId, signKey, nowMs }: { agentId: string; signKey: Uint8Array; nowMs: number },
): void {
  if (prekey.agentId !== agentId) throw new Refusal('invalid_input', 'the prekey belongs to another agent')
  if (!verify('prekey', prekeyBytes(prekey), bytesOf(prekey.signature), signKey)) {
    throw new Refusal('unauthenticated', 'the prekey is not signed by the key of this agent')
  }
  const lives = prekey.expiresAtMs - prekey.issuedAtMs === PREKEY_LIFETIME_MS
  const isOfNow = prekey.issuedAtMs <= nowMs + SESSION_CLOCK_SKEW_MS && prekey.expiresAtMs > nowMs
  if (!lives || !isOfNow) throw new Refusal('invalid_input', 'a prekey lives 30 days from now')
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
 * @returns `same` if it is the stored card, `next` if it follows it.
 * @throws Refusal `already_exists` for another key; `wrong_state` for a card that does not follow the stored one.
 */
export function decideUpdate(known: KnownIdentity, next: VerifiedCard): 'same' | 'next' {
  if (!equal(known.signKey, next.signKey)) throw new Refusal('already_exists', 'this agent id belongs to another key')
  if (equal(known.cardBytes, next.cardBytes)) return 'same'
  const previous = toBase64url(sha256(known.cardBytes))
  if (next.card.seq !== known.cardSeq + 1 || next.card.previous !== previous) {
    throw new Refusal('wrong_state', `the stored card has seq ${known.cardSeq}; the next one must follow it`)
  }
  if (next.card.status !== 'active') throw new Refusal('invalid_input', 'a registered card is active; deregister to leave')
  return 'next'
}

function claimedSignKey(cardBytes: Uint8Array): Uint8Array {
  const claimed = parseJson(cardBytes)
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
