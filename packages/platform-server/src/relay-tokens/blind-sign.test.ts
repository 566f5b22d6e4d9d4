import { createPrivateKey, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import vectors from '../../../protocol/vectors/tokens.json' with { type: 'json' }
import { blindSign } from './blind-sign.ts'
import { makeIssuerKey, openIssuerKey } from './issuer-key.ts'

const { rfc9474, good, keys } = vectors
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const number = (hex: string) => BigInt(`0x${hex}`)

/** A private key from its two primes, as the vectors give it. */
function keyOf({ p, q }: { p: string; q: string }) {
  const [P, Q, e] = [number(p), number(q), 65_537n]
  const d = inverse(e, (P - 1n) * (Q - 1n))
  const text = (value: bigint) => {
    const digits = value.toString(16)
    return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex').toString('base64url')
  }
  const numbers = { n: P * Q, e, d, p: P, q: Q, dp: d % (P - 1n), dq: d % (Q - 1n), qi: inverse(Q, P) }
  const jwk = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, text(value)]))
  return { key: createPrivateKey({ key: { kty: 'RSA', ...jwk }, format: 'jwk' }), n: P * Q, d }
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value, modulus, 1n, 0n]
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

test('signs the vector of RFC 9474', async () => {
  const signed = await blindSign(keyOf(rfc9474).key, [bytes(rfc9474.blindedMessage)])
  expect(signed.map(hex)).toEqual([rfc9474.blindSignature])
})

test.each(good)('signs $name', async ({ class: name, blinded, blindSignature }) => {
  const signed = await blindSign(keyOf(keys[name as 'message' | 'part']).key, [bytes(blinded)])
  expect(signed.map(hex)).toEqual([blindSignature])
})

test('a signature is the power of the private exponent, for any number below the modulus', async () => {
  const { key, n, d } = keyOf(keys.message)
  const edges = [0n, 1n, 2n, n - 1n].map((value) => value.toString(16).padStart(512, '0'))
  const numbers = [
    ...edges,
    ...Array.from({ length: 20 }, () => (number(hex(randomBytes(256))) % n).toString(16).padStart(512, '0')),
  ]
  const signed = await blindSign(key, numbers.map(bytes))
  expect(signed.map((each) => number(hex(each)))).toEqual(numbers.map((each) => power(number(each), d, n)))
})

test.each([
  ['the modulus', 0n],
  ['the modulus and one', 1n],
])('%s is not signed', async (_, more) => {
  const { key, n } = keyOf(keys.message)
  const asked = bytes((n + more).toString(16))
  await expect(blindSign(key, [asked])).rejects.toMatchObject({ code: 'invalid_input' })
})

test('others have their turn while many are signed', async () => {
  const { key } = keyOf(keys.message)
  const blinded = Array.from({ length: 100 }, () => bytes(good[0]!.blinded))
  let [turns, isDone] = [0, false]
  const takeTurn = () => {
    turns++
    if (!isDone) setImmediate(takeTurn)
  }
  takeTurn()
  await blindSign(key, blinded)
  isDone = true
  expect(turns).toBeGreaterThanOrEqual(blinded.length)
})

describe('a key of the issuer', () => {
  const name = { epoch: 2945, tokenClass: 'message' } as const
  const secret = randomBytes(32)

  test('has 2048 bits and opens with the secret it was sealed under', async () => {
    const made = await makeIssuerKey(name, secret)
    const key = openIssuerKey(made, secret)
    expect(made.modulus).toHaveLength(256)
    expect(key?.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65_537n })
    expect(Buffer.from(key?.export({ format: 'jwk' }).n ?? '', 'base64url').equals(made.modulus)).toBe(true)
  })

  test('opens with no other secret, for no other epoch or class, and not when a byte is changed', async () => {
    const made = await makeIssuerKey(name, secret)
    const changed = made.sealedPrivateKey.with(100, made.sealedPrivateKey[100]! ^ 1)
    const others = [
      openIssuerKey(made, randomBytes(32)),
      openIssuerKey({ ...made, epoch: 2946 }, secret),
      openIssuerKey({ ...made, tokenClass: 'part' }, secret),
      openIssuerKey({ ...made, sealedPrivateKey: changed }, secret),
    ]
    expect(others).toEqual([undefined, undefined, undefined, undefined])
  })

  test('shows nothing of its primes where it is stored', async () => {
    const made = await makeIssuerKey(name, secret)
    const { p = '', q = '', d = '' } = openIssuerKey(made, secret)?.export({ format: 'jwk' }) ?? {}
    const stored = Buffer.from(made.sealedPrivateKey)
    for (const each of [p, q, d]) expect(stored.includes(Buffer.from(each, 'base64url').subarray(0, 8))).toBe(false)
  })
})
