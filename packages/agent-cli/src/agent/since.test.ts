import { expect, test } from 'vitest'
import { parseSince } from './since.ts'

test('a moment is a duration ago or a date', () => {
  expect(parseSince('24h', 100_000_000)).toBe(13_600_000)
  expect(parseSince('1970-01-02', 0)).toBe(86_400_000)
  expect(parseSince('1970-01-01T00:00:01Z', 0)).toBe(1_000)
})

test.each(['', 'yesterday', '5', '1970-13-45', '2026-01-01Tx'])('%j is refused', (text) => {
  expect(() => parseSince(text, 0)).toThrow(expect.objectContaining({ code: 'usage' }))
})
