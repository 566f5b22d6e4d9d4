import { fc, it } from '@fast-check/vitest'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/signing.json' with { type: 'json' }
import { generateSigningKey, signDetached, verifyDetached } from './ed25519.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

describe('Ed25519', () => {
  test.for(vectors.rfc8032.cases)('signs and verifies RFC 8032 $name', ({ seed, publicKey, message, signature }) => {
    const pair = nacl.sign.keyPair.fromSeed(bytes(seed))

    expect(pair.publicKey).toEqual(bytes(publicKey))
    expect(signDetached(bytes(message), pair.secretKey)).toEqual(bytes(signature))
    expect(verifyDetached(bytes(message), bytes(signature), bytes(publicKey))).toBe(true)
  })

  test('makes pairs of 32 and 64 bytes, each time another', () => {
    const [one, two] = [generateSigningKey(), generateSigningKey()]

    expect([one.publicKey.length, one.secretKey.length]).toEqual([32, 64])
    expect(one.publicKey).not.toEqual(two.publicKey)
  })

  it.prop([fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.integer({ min: 1, max: 255 })])(
    'any changed byte of message, signature or key is refused',
    (message, where, mask) => {
      const { publicKey, secretKey } = generateSigningKey()
      const signed = [message, signDetached(message, secretKey), publicKey] as const
      const at = where % (message.length + 64 + 32)
      const change = (part: Uint8Array, start: number) => part.map((byte, i) => (start + i === at ? byte ^ mask : byte))
      const [m, s, k] = [change(signed[0], 0), change(signed[1], message.length), change(signed[2], message.length + 64)]

      expect(verifyDetached(...signed)).toBe(true)
      expect(verifyDetached(m, s, k)).toBe(false)
    },
  )

  const noise = fc.uint8Array({ maxLength: 80 })
  const [signatureLike, keyLike] = [
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
  ]
  it.prop([noise, fc.oneof(noise, signatureLike), fc.oneof(noise, keyLike)])(
    'no input makes it throw',
    (message, signature, key) => {
      expect(verifyDetached(message, signature, key)).toBe(false)
    },
  )
})
