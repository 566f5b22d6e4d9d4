import { createPublicKey, verify } from 'node:crypto'
import nacl from 'tweetnacl'
import { toBase64url } from '../base64url.ts'

export const SIGN_PUBLIC_KEY_BYTES = 32
export const SIGN_SECRET_KEY_BYTES = 64
export const SIGNATURE_BYTES = 64

export type SigningKey = { publicKey: Uint8Array; secretKey: Uint8Array }

/** A fresh Ed25519 pair: `publicKey` 32 bytes, `secretKey` 64 bytes (seed ‖ public key). */
export function generateSigningKey(): SigningKey {
  return nacl.sign.keyPair()
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
  if (!isCanonical(publicKey) || isSmallOrder(publicKey) || isSmallOrder(signature.subarray(0, 32))) return false

  // A JWK because it needs no hand-made DER. `verify` itself refuses S ≥ L, another spelling of R and a key off the curve.
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(publicKey) } })
  return verify(null, message, key, signature)
}

/**
 * The y coordinates of the eight points of small order: 0, 1, −1 and the two of order 8, little-endian. The sign bit is ignored,
 * which covers both points of a y and the second encoding of x = 0.
 */
const SMALL_ORDER_Y = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => Buffer.from(hex, 'hex'))

function isSmallOrder(point: Uint8Array): boolean {
  const y = withoutSign(point)
  return SMALL_ORDER_Y.some((small) => small.equals(y))
}

/** Whether y < 2^255 − 19, the one spelling of its point. Only the 19 numbers from there to 2^255 − 1 are not. */
function isCanonical(point: Uint8Array): boolean {
  const [lowest = 0, ...rest] = withoutSign(point)
  const highest = rest.pop()
  return lowest < 0xed || highest !== 0x7f || rest.some((byte) => byte !== 0xff)
}

function withoutSign(point: Uint8Array): Uint8Array {
  const y = new Uint8Array(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return y
}
