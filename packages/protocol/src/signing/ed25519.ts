import { createPublicKey, verify } from 'node:crypto'
import nacl from 'tweetnacl'
import { toBase64url } from '../base64url.ts'
import { withoutStackTraces } from '../stack-traces.ts'
import { isCanonical, isSmallOrder } from './points.ts'

export const SIGN_PUBLIC_KEY_BYTES = 32
export const SIGN_SECRET_KEY_BYTES = 64
export const SIGNATURE_BYTES = 64

export type SigningKey = { publicKey: Uint8Array; secretKey: Uint8Array }

/** A fresh Ed25519 pair: `publicKey` 32 bytes, `secretKey` 64 bytes (seed ‖ public key). */
export function generateSigningKey(): SigningKey {
  return nacl.sign.keyPair()
}

/** The pair of a secret key, or `undefined` for bytes that are none: another length, or halves that do not belong together. */
export function openSigningKey(secretKey: Uint8Array): SigningKey | undefined {
  if (secretKey.length !== SIGN_SECRET_KEY_BYTES) return undefined
  const pair = nacl.sign.keyPair.fromSeed(secretKey.subarray(0, 32))
  return Buffer.compare(pair.secretKey, secretKey) === 0 ? pair : undefined
}

/**
 * Sign the message as it is, 64 bytes. Deterministic (RFC 8032). Callers sign statements, with their label, through `sign`.
 *
 * @throws Error if the secret key is not 64 bytes.
 */
export function signDetached(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return nacl.sign.detached(message, secretKey)
}

/**
 * Verify an Ed25519 signature (RFC 8032, no cofactor) and refuse what a plain verification lets pass: a public key or `R` of small
 * order, a public key that is not canonical. Never throws: a wrong length is `false`.
 *
 * Not promised: a key outside the prime-order subgroup (small order plus an honest point) is not looked for; only its owner can make one.
 */
export function verifyDetached(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== SIGN_PUBLIC_KEY_BYTES) return false
  // Node 24.15, which we support, accepts forgeries under small-order keys; 24.21 refuses them by itself.
  if (!isCanonical(publicKey) || isSmallOrder(publicKey) || isSmallOrder(signature.subarray(0, 32))) return false

  // A JWK because it needs no hand-made DER. `verify` itself refuses S ≥ L, another spelling of R and a key off the curve.
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: toBase64url(publicKey) }
  const key = withoutStackTraces(() => createPublicKey({ format: 'jwk', key: jwk }))
  return verify(null, message, key, signature)
}
