import { expect, test } from 'vitest'
import { parseSize } from './size.ts'

test.each([
  ['0B', 0],
  ['500kB', 500_000],
  ['20MiB', 20 * 2 ** 20],
  ['4GB', 4_000_000_000],
  ['1GiB', 2 ** 30],
])('%s is a size', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', '5', 'MiB', '5 MiB', '-5MB', '1.5GB', '5mb', '5MBs', '٥MB', '10000000000B'])('"%s" is no size', (text) => {
  expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'usage', exit: 2 }))
})
