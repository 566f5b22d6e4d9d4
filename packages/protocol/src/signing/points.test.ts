import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/signing.json' with { type: 'json' }
import { generateSigningKey } from './ed25519.ts'
import { isCanonical, isSmallOrder } from './points.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const weak = vectors.bad.filter((bad) => bad.name.startsWith('key of small order'))

describe('a point', () => {
  test.for(weak)('is refused by its bytes alone: $name', ({ publicKey }) => {
    expect(isCanonical(bytes(publicKey)) && !isSmallOrder(bytes(publicKey))).toBe(false)
  })

  test('of small order is told in its two signs, and is refused as R as well', () => {
    const r = vectors.bad.find((bad) => bad.name === 'R of small order')?.signature ?? ''

    expect(weak.filter(({ publicKey }) => isSmallOrder(bytes(publicKey)))).toHaveLength(10)
    expect(isSmallOrder(bytes(r).subarray(0, 32))).toBe(true)
  })

  test('is canonical exactly below 2^255 − 19, whatever its sign', () => {
    const withLowest = (lowest: number, highest: number) => new Uint8Array(32).fill(0xff).with(0, lowest).with(31, highest)

    for (const highest of [0x7f, 0xff]) {
      expect([0xec, 0xed, 0xee, 0xff].map((lowest) => isCanonical(withLowest(lowest, highest)))).toEqual([
        true,
        false,
        false,
        false,
      ])
    }
    expect(isCanonical(withLowest(0xff, 0x7e))).toBe(true)
    expect(isCanonical(withLowest(0xff, 0x7f).with(15, 0xfe))).toBe(true)
  })

  test('of an honest key is neither', () => {
    for (let i = 0; i < 20; i++) {
      const { publicKey } = generateSigningKey()
      expect([isCanonical(publicKey), isSmallOrder(publicKey)]).toEqual([true, false])
    }
  })
})
