/**
 * What the bytes of an Ed25519 point tell by themselves, before any arithmetic. A point is 32 bytes: y, little-endian, with the sign of
 * x in the highest bit.
 */

/**
 * The y coordinates of the eight points of small order: 0, 1, −1 and the two of order 8, little-endian. The sign bit is ignored,
 * which covers both points of a y and the second encoding of x = 0.
 */
const SMALL_ORDER_Y = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => Buffer.from(hex, 'hex'))

/** Whether the point has order 1, 2, 4 or 8: a key or an `R` under which signatures can be made without a secret. */
export function isSmallOrder(point: Uint8Array): boolean {
  const y = withoutSign(point)
  return SMALL_ORDER_Y.some((small) => small.equals(y))
}

/** Whether y < 2^255 − 19, the one spelling of its point. Only the 19 numbers from there to 2^255 − 1 are not. */
export function isCanonical(point: Uint8Array): boolean {
  const [lowest = 0, ...rest] = withoutSign(point)
  const highest = rest.pop()
  return lowest < 0xed || highest !== 0x7f || rest.some((byte) => byte !== 0xff)
}

function withoutSign(point: Uint8Array): Uint8Array {
  const y = new Uint8Array(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return y
}
