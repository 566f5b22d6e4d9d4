import { fc, test as propertyTest } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test.each([
  ['250ms', 250],
  ['90s', 90_000],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '10', 's', '1.5h', '-1s', '+1s', ' 1s', '1s ', '1S', '1w', '1e3s', '１s', '9999999999s', '1s1s'])(
  '"%s" is refused',
  (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'usage', exit: 2 }))
  },
)

propertyTest.prop([fc.integer({ min: 0, max: 999_999 })])('a minute is sixty seconds', (count) => {
  expect(parseDuration(`${count}m`)).toBe(parseDuration(`${count}s`) * 60)
})
