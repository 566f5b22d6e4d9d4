import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import nacl from 'tweetnacl'
import { toBase64url } from '../base64url.ts'
import { withoutStackTraces } from '../stack-traces.ts'
import { isAllZero } from './zeros.ts'

export const X25519_KEY_BYTES = 32

/** `publicKey` and `secretKey`, 32 bytes each. */
export type X25519Pair = { publicKey: Uint8Array; secretKey: Uint8Array }

/** The other side's X25519 key has small order: every secret shared with it is zero and known to everybody. */
export class SmallOrderKeyError extends Error {
  constructor() {
    super('the X25519 public key has small order: it shares a secret with everybody')
    this.name = 'SmallOrderKeyError'
  }
}

/** A fresh X25519 pair for a prekey. Its public half is published in a signed statement, its secret half stays on the machine. */
export function generatePrekey(): X25519Pair {
  return nacl.box.keyPair()
}

/**
 * X25519 for one send, 32 bytes.
 *
 * @throws SmallOrderKeyError if the result is all zero, which tweetnacl does not refuse by itself.
 * @throws Error if a key is not 32 bytes.
 */
export function shareSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const shared = nacl.scalarMult(secretKey, publicKey)
  if (isAllZero(shared)) throw new SmallOrderKeyError()
  return shared
}

/** Make a secret key ready for many `shareScanned` calls. @throws Error if a key is not 32 bytes. */
export function importSecretKey(pair: X25519Pair): KeyObject {
  return createPrivateKey({ format: 'jwk', key: { ...jwk(pair.publicKey), d: toBase64url(pair.secretKey) } })
}

/** Make a public key ready for several `shareScanned` calls. @throws Error if it is not 32 bytes. */
export function importPublicKey(publicKey: Uint8Array): KeyObject {
  return withoutStackTraces(() => createPublicKey({ format: 'jwk', key: jwk(publicKey) }))
}

/** X25519 for scanning, ten times faster than `shareSecret`. @returns 32 bytes, or `null` if the result is all zero. */
export function shareScanned(privateKey: KeyObject, publicKey: KeyObject): Uint8Array | null {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey }))
  } catch {
    // With two well-formed keys OpenSSL has one reason left to fail: the all-zero result.
    return null
  }
}

function jwk(publicKey: Uint8Array): { kty: string; crv: string; x: string } {
  return { kty: 'OKP', crv: 'X25519', x: toBase64url(publicKey) }
}
