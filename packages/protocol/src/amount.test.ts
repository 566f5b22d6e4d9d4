import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { formatAmount, isMovable, parseAmount } from './amount.ts'
import { Amount, Sum } from './ledger.ts'
import { AMOUNT_MICRO_MAX } from './limits.ts'

describe('an amount of credits', () => {
  test.prop([fc.bigInt(0n, 9_000_000_000_000_000_000n)])('reads back as it was written', (micro) => {
    expect(parseAmount(formatAmount(micro))).toBe(micro)
  })

  const anyText = fc.string()
  const almost = fc.string({ unit: fc.constantFrom(...'0123456789.'), minLength: 1, maxLength: 9 })
  test.prop([fc.oneof(anyText, { weight: 9, arbitrary: almost })])('has one spelling: what reads is what is written', (text) => {
    const micro = parseAmount(text)
    if (micro !== undefined) expect(formatAmount(micro)).toBe(text)
  })

  test.each([
    ['100', 100_000_000n],
    ['5.25', 5_250_000n],
    ['0.000001', 1n],
    ['1000000000', AMOUNT_MICRO_MAX],
  ])('%s is %s micro', (text, micro) => {
    expect(parseAmount(text)).toBe(micro)
    expect(Amount.safeParse(text).success).toBe(true)
  })

  test.each([
    '0',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    '0x10',
    ' 1',
    '1\n',
    '１',
    '1_000',
    '',
    '.5',
    '5.',
    '1.0000001',
    'NaN',
    'Infinity',
    '1000000000.000001',
    '9007199254740993',
    '9223372036854775808',
    '9'.repeat(400),
  ])('%j cannot be moved', (text) => {
    expect(Amount.safeParse(text).success).toBe(false)
  })

  test.each([100, Number.POSITIVE_INFINITY, null, undefined, ['1'], { amount: '1' }])('%j is no amount', (value) => {
    expect(Amount.safeParse(value).success).toBe(false)
  })

  test('a sum may be zero, an amount that moves may not', () => {
    expect(Sum.safeParse('0').success).toBe(true)
    expect(isMovable(0n)).toBe(false)
  })

  test('a negative sum cannot be written', () => {
    expect(() => formatAmount(-1n)).toThrow(RangeError)
  })
})
