import { webcrypto } from 'node:crypto'
import { RSABSSA } from '@cloudflare/blindrsa-ts'

/** A message as it goes out to be signed. All secret but `blinded`. */
export interface Blinded {
  /** 256 bytes, random to everybody else. */
  readonly blinded: Uint8Array
  /** 32 bytes that were put before the message. */
  readonly randomizer: Uint8Array
  /** Takes the blinding away, 256 bytes. */
  readonly inverse: Uint8Array
}

export interface Signed {
  /** Randomizer and message. */
  readonly prepared: Uint8Array
  readonly inverse: Uint8Array
  /** 256 bytes, as they came from the signer. */
  readonly blindSignature: Uint8Array
}

export interface BlindSuite {
  blind(message: Uint8Array): Promise<Blinded>
  /** @returns the signature, 256 bytes, verified; `undefined` if it is not one of this key. */
  finish(signed: Signed): Promise<Uint8Array | undefined>
}

/**
 * The client's side of RFC 9474, RSABSSA-SHA384-PSS-Randomized, with one key. Numbers of 2048 bits in JavaScript: 40 ms to blind, 10 to finish, nearly
 * all of it in one piece, so it belongs in a thread (`blind-worker.ts`). What the library does natively, `supportsRSARAW`, is the signer's side.
 *
 * @param modulus - base64url.
 */
export async function openBlindSuite(modulus: string): Promise<BlindSuite> {
  const suite = RSABSSA.SHA384.PSS.Randomized()
  const jwk = { kty: 'RSA', n: modulus, e: 'AQAB', ext: true }
  const publicKey = await webcrypto.subtle.importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-384' }, true, ['verify'])

  return {
    async blind(message) {
      const prepared = suite.prepare(message)
      const { blindedMsg: blinded, inv: inverse } = await suite.blind(publicKey, prepared)
      return { blinded, randomizer: prepared.slice(0, prepared.length - message.length), inverse }
    },
    finish: ({ prepared, inverse, blindSignature }) =>
      suite.finalize(publicKey, prepared, blindSignature, inverse).catch(() => undefined),
  }
}
