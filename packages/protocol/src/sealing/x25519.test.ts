import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/drop.json' with { type: 'json' }
import { generatePrekey, importPublicKey, importSecretKey, SmallOrderKeyError, shareScanned, shareSecret } from './x25519.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

describe('X25519', () => {
  test.for(vectors.rfc7748.cases)('both ways of sharing give RFC 7748 $name', ({ secretKey, publicKey, sharedSecret }) => {
    const scanning = importSecretKey({ secretKey: bytes(secretKey), publicKey: bytes(publicKey) })

    expect(shareSecret(bytes(secretKey), bytes(publicKey))).toEqual(bytes(sharedSecret))
    expect(shareScanned(scanning, importPublicKey(bytes(publicKey)))).toEqual(bytes(sharedSecret))
  })

  it.prop([fc.uint8Array({ minLength: 32, maxLength: 32 })], { numRuns: 50 })(
    'sender and scanner agree on any public key, canonical or not',
    (publicKey) => {
      const pair = generatePrekey()

      expect(shareScanned(importSecretKey(pair), importPublicKey(publicKey))).toEqual(shareSecret(pair.secretKey, publicKey))
    },
  )

  test.for(vectors.weakPublicKeys.cases)('refuses the public key of small order $name, on both sides', ({ publicKey }) => {
    const pair = generatePrekey()

    expect(() => shareSecret(pair.secretKey, bytes(publicKey))).toThrow(SmallOrderKeyError)
    expect(shareScanned(importSecretKey(pair), importPublicKey(bytes(publicKey)))).toBeNull()
  })

  test('a key of another length is an error, not a secret', () => {
    const { secretKey, publicKey } = generatePrekey()

    expect(() => shareSecret(secretKey, publicKey.subarray(1))).toThrow()
    expect(() => importSecretKey({ secretKey: secretKey.subarray(1), publicKey })).toThrow()
  })
})
