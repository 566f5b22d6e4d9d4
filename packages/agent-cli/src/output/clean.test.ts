import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { clean, toJson } from './clean.ts'

/** Often also what steers. */
const unit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom(...'\u0000\u0007\u001b\r\n\t\u007f\u009b\u2028\u202e\u2066"\\'),
)
const anything = fc.string({ unit })
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not come out
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

test.prop([anything])('nothing that steers a terminal comes out', (text) => {
  expect(clean(text)).not.toMatch(STEERING)
})

test.prop([fc.array(anything)])('JSON says the same thing with nothing that steers a terminal in it', (texts) => {
  const json = toJson(texts, false)
  expect(json).not.toMatch(STEERING)
  expect(json).not.toContain('\n')
  expect(JSON.parse(json)).toEqual(texts)
})

test('what turns the direction of text around is gone: a name cannot pass for another', () => {
  for (const char of ['\u202a', '\u202e', '\u2066', '\u2069', '\u200f', '\u061c', '\u2028']) {
    expect(clean(`a${char}b`)).toBe('ab')
    expect(toJson(`a${char}b`, false)).toMatch(/^"a\\u[0-9a-f]{4}b"$/)
  }
})
