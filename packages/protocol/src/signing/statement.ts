import { joinBytes, labelBytes, sha256 } from './bytes.ts'
import { signDetached, verifyDetached } from './ed25519.ts'

/** What a signature can say. The label of each goes in front of the signed bytes, so one can never be shown as another. */
export type Statement = 'card' | 'prekey' | 'session' | 'verdict' | 'message'

/**
 * Sign `"agent-marketplace/<statement>/1\n" ‖ bytes`.
 *
 * @param secretKey - Ed25519 secret key, 64 bytes (seed ‖ public key).
 * @returns The signature, 64 bytes; the same input gives the same signature.
 * @throws Error if the secret key is not 64 bytes.
 */
export function sign(statement: Statement, bytes: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return signDetached(signingInput(statement, bytes), secretKey)
}

/**
 * Tell whether the holder of `publicKey` signed these bytes as this statement. The one verification both sides use.
 * Never throws: wrong lengths, malleated signatures and small-order or non-canonical keys are `false`.
 *
 * @param signature - 64 bytes. @param publicKey - Ed25519 public key, 32 bytes.
 */
export function verify(statement: Statement, bytes: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  return verifyDetached(signingInput(statement, bytes), signature, publicKey)
}

/**
 * Name a public key for people: the first 16 bytes of its SHA-256 as eight groups of four hex digits, `3f1c-…-90ab`.
 * For the eye and for logs of the agent's own machine; a pin compares the key itself.
 */
export function fingerprint(publicKey: Uint8Array): string {
  const digest = Buffer.from(sha256(publicKey).subarray(0, 16))
  return Array.from({ length: 8 }, (_, group) => digest.toString('hex', group * 2, group * 2 + 2)).join('-')
}

function signingInput(statement: Statement, bytes: Uint8Array): Uint8Array {
  return joinBytes(labelBytes(`agent-marketplace/${statement}/1\n`), bytes)
}
