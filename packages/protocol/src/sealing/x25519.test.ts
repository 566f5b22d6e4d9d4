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

  test('iterated 1 and 1000 times it gives what RFC 7748, section 5.2 says', () => {
    // Both ways in turn: the result of one is the scalar of the other.
    const nine = bytes(`09${'00'.repeat(31)}`)
    let k: Uint8Array = nine
    let u: Uint8Array = nine
    const after: string[] = []
    for (let i = 1; i <= 1_000; i++) {
      const scanning = i % 2 === 0 ? importSecretKey({ secretKey: k, publicKey: u }) : undefined
      const shared = scanning ? shareScanned(scanning, importPublicKey(u)) : shareSecret(k, u)
      u = k
      k = shared ?? new Uint8Array(32)
      if (i === 1 || i === 1_000) after.push(Buffer.from(k).toString('hex'))
    }

    expect(after).toEqual([
      '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079',
      '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51',
    ])
  })

  test('a public key has several spellings: the highest bit does not count, nor does p', () => {
    const pair = generatePrekey()
    const spell = (u: bigint) => new Uint8Array(Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse())
    const p = 2n ** 255n - 19n

    for (const u of [2n, 3n, 9n, 18n]) {
      const secret = shareSecret(pair.secretKey, spell(u))
      for (const other of [u + 2n ** 255n, u + p, u + p + 2n ** 255n]) {
        expect(shareSecret(pair.secretKey, spell(other))).toEqual(secret)
        expect(shareScanned(importSecretKey(pair), importPublicKey(spell(other)))).toEqual(secret)
      }
    }
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
