import {
  fromBase64url,
  PREKEY_LIFETIME_MS,
  prekeyBytes,
  SESSION_CLOCK_SKEW_MS,
  type SessionProof,
  type SignedPrekey,
  sessionProofBytes,
} from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import { Refusal } from '../errors.ts'

/** What a proof of possession is checked against: the key it should be made with, this server's public origin, the time. */
export interface ProofContext {
  readonly signKey: Uint8Array
  readonly audience: string
  readonly nowMs: number
}

/** Told of an agent that is not registered too, so that nobody learns who is. */
export const PROOF_NOT_SIGNED = 'the proof is not signed by the key of this agent'

/**
 * Check a proof of possession.
 *
 * @throws Refusal `unauthenticated` for another audience, a clock more than a minute off, or a signature that does not fit.
 */
export function verifyProof(proof: SessionProof, context: ProofContext): void {
  const reason = proofFault(proof, context)
  if (reason) throw new Refusal('unauthenticated', reason)
}

function proofFault(proof: SessionProof, { signKey, audience, nowMs }: ProofContext): string | undefined {
  if (!isSigned('session', sessionProofBytes(proof), proof.signature, signKey)) return PROOF_NOT_SIGNED
  if (proof.audience !== audience) return 'the proof was made for another server'
  if (Math.abs(nowMs - proof.issuedAtMs) > SESSION_CLOCK_SKEW_MS)
    return 'the proof is too old or from the future: check the clock'
  return undefined
}

/**
 * Check a prekey that an agent publishes.
 *
 * @throws Refusal `invalid_input` for a prekey of another agent, one that does not live 30 days, or is not of now; `unauthenticated` if its signature does not fit.
 */
export function verifyPrekey(
  prekey: SignedPrekey,
  { agentId, signKey, nowMs }: { agentId: string; signKey: Uint8Array; nowMs: number },
): void {
  if (prekey.agentId !== agentId) throw new Refusal('invalid_input', 'the prekey belongs to another agent')
  if (!isSigned('prekey', prekeyBytes(prekey), prekey.signature, signKey))
    throw new Refusal('unauthenticated', 'the prekey is not signed by the key of this agent')
  const lives = prekey.expiresAtMs - prekey.issuedAtMs === PREKEY_LIFETIME_MS
  const isOfNow = prekey.issuedAtMs <= nowMs + SESSION_CLOCK_SKEW_MS && prekey.expiresAtMs > nowMs
  if (!lives || !isOfNow) throw new Refusal('invalid_input', 'a prekey lives 30 days from now')
}

function isSigned(statement: 'session' | 'prekey', bytes: Uint8Array, signature: string, signKey: Uint8Array): boolean {
  const signatureBytes = fromBase64url(signature)
  return signatureBytes !== undefined && verify(statement, bytes, signatureBytes, signKey)
}
