import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from './base64url.ts'

describe('base64url', () => {
  it.prop([fc.uint8Array({ maxLength: 300, size: 'max' })])('reads back every byte string it wrote', (bytes) => {
    expect(fromBase64url(toBase64url(bytes))).toEqual(bytes)
  })

  it.prop([fc.string({ maxLength: 8, unit: fc.constantFrom(...'AQgwYR-_'.repeat(9), ...'+/= \n\0é') })])(
    'accepts a text only in its one spelling',
    (text) => {
      const bytes = fromBase64url(text)
      if (bytes !== undefined) expect(toBase64url(bytes)).toBe(text)
    },
  )

  test('writes the window of a view, not the buffer behind it', () => {
    expect(toBase64url(new Uint8Array([0, 1, 2, 3]).subarray(1, 3))).toBe('AQI')
  })

  test.for([
    ['YQ==', 'padding'],
    ['YR', 'trailing bits'],
    ['YWJ', 'trailing bits'],
    ['A', 'an impossible length'],
    ['+/+/', 'the standard alphabet'],
    ['YW Jj', 'white space'],
    ['YWJj\n', 'a line end'],
    ['ＹＷＪｊ', 'full-width letters'],
  ])('refuses %s: %s', ([text]) => {
    expect(fromBase64url(text ?? '')).toBeUndefined()
  })
})
