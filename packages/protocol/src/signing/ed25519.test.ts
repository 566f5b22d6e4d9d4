import { fc, it } from '@fast-check/vitest'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/signing.json' with { type: 'json' }
import { generateSigningKey, signDetached, verifyDetached } from './ed25519.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

/** Order of the prime-order subgroup, RFC 8032. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n

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

  it.prop([fc.uint8Array({ maxLength: 200, size: 'max' }), fc.nat(), fc.integer({ min: 1, max: 255 })])(
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

  test('S plus any multiple of L that fits into 32 bytes is refused, though it satisfies the equation', () => {
    const { publicKey, secretKey } = generateSigningKey()
    const message = new Uint8Array(8)
    const signature = signDetached(message, secretKey)
    const s = BigInt(`0x${Buffer.from(signature.slice(32).reverse()).toString('hex')}`)
    const twins = Array.from({ length: 20 }, (_, k) => s + BigInt(k + 1) * L).filter((twin) => twin < 2n ** 256n)

    expect(twins.length).toBeGreaterThanOrEqual(14)
    for (const twin of twins) {
      const bytesOfTwin = Buffer.from(twin.toString(16).padStart(64, '0'), 'hex').reverse()
      expect(verifyDetached(message, Uint8Array.of(...signature.slice(0, 32), ...bytesOfTwin), publicKey)).toBe(false)
    }
  })

  test('a signature that begins or ends with what does not belong to it, or is that of an empty message, is refused', () => {
    const { publicKey, secretKey } = generateSigningKey()
    const message = new Uint8Array(8)
    const signature = signDetached(message, secretKey)
    const [r, s] = [signature.slice(0, 32), signature.slice(32)]
    const zeros = new Uint8Array(32)

    for (const bad of [
      [...s, ...r],
      [...zeros, ...s],
      [...r, ...zeros],
      [...signDetached(new Uint8Array(), secretKey)],
      [...publicKey, ...s],
    ])
      expect(verifyDetached(message, Uint8Array.from(bad), publicKey)).toBe(false)
    expect(verifyDetached(new Uint8Array(), signature, publicKey)).toBe(false)
  })

  const noise = fc.uint8Array({ maxLength: 80, size: 'max' })
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
