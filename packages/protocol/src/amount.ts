import { AMOUNT_MICRO_MAX, MICRO_PER_CREDIT } from './limits.ts'

const CANONICAL = /^(0|[1-9][0-9]{0,12})(?:\.([0-9]{0,5}[1-9]))?$/

/**
 * Read a canonical decimal string of credits.
 *
 * @param text - `"100"`, `"5.25"`: no sign, exponent, leading zero or trailing fractional zero; at most 6 decimals.
 * @returns micro-credits, or `undefined` when the text is not canonical.
 */
export function parseAmount(text: string): bigint | undefined {
  const match = CANONICAL.exec(text)
  if (!match) return undefined
  const [, whole = '0', fraction = ''] = match
  return BigInt(whole) * MICRO_PER_CREDIT + BigInt(fraction.padEnd(6, '0'))
}

/**
 * Write micro-credits as the one canonical decimal string.
 *
 * @throws RangeError for a negative amount.
 */
export function formatAmount(micro: bigint): string {
  if (micro < 0n) throw new RangeError('an amount is never negative')
  const whole = micro / MICRO_PER_CREDIT
  const fraction = micro % MICRO_PER_CREDIT
  if (fraction === 0n) return whole.toString()
  return `${whole}.${fraction.toString().padStart(6, '0').replace(/0+$/, '')}`
}

/** @returns whether an amount may be moved by one entry: `0 < micro ≤ 1 000 000 000 credits`. */
export function isMovable(micro: bigint): boolean {
  return micro > 0n && micro <= AMOUNT_MICRO_MAX
}
