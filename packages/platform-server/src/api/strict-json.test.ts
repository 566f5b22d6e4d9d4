import { JSON_DEPTH_MAX } from '@agent-marketplace/protocol'
import { fc, test as propertyTest } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { parseStrictJson } from './strict-json.ts'

const anyJson = fc.json({ maxDepth: JSON_DEPTH_MAX - 1, stringUnit: 'binary' })

propertyTest.prop([anyJson])('whatever JSON.stringify writes reads the same as with JSON.parse', (text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text))
})

propertyTest.prop([fc.dictionary(fc.string({ unit: 'binary' }), fc.integer(), { minKeys: 1 })])(
  'a repeated key is refused wherever it stands',
  (object) => {
    const members = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${value}`)
    const text = `{"in":[{${[...members, members[0]].join(',')}}]}`

    expect(() => parseStrictJson(text)).toThrow('a key occurs twice')
  },
)

test('the depth is counted outside of strings, and the deepest that is allowed is read', () => {
  const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

  expect(parseStrictJson(nest(JSON_DEPTH_MAX))).toBeDefined()
  expect(() => parseStrictJson(nest(JSON_DEPTH_MAX + 1))).toThrow('nested deeper')
  expect(() => parseStrictJson('['.repeat(30_000))).toThrow('nested deeper')
  expect(parseStrictJson(JSON.stringify(nest(100)))).toBe(nest(100))
  expect(parseStrictJson('"\\"[[[[[[[[[[[[ : :"')).toBe('"[[[[[[[[[[[[ : :')
})

test('__proto__ is a key like any other', () => {
  const value = parseStrictJson('{"__proto__":{"isAdmin":true}}') as object

  expect(Object.keys(value)).toEqual(['__proto__'])
  expect('isAdmin' in value).toBe(false)
})

describe('what is not one JSON text is refused without a word of it', () => {
  test.each([
    ['nothing', ''],
    ['a byte order mark', '\ufeff{"secret":1}'],
    ['trailing bytes', '{"secret":1}x'],
    ['two texts', '{"secret":1}{}'],
    ['a comment', '{"secret":1/**/}'],
    ['a trailing comma', '{"secret":1,}'],
    ['a bare word', 'secret'],
    ['NaN', '{"secret":NaN}'],
    ['an unended string', '"secret'],
    ['a control character in a string', '"sec\u0000ret"'],
    ['a lone surrogate in a value', '{"secret":"\\ud800"}'],
    ['a lone surrogate in a key', '{"secret\\udfff":1}'],
  ])('%s', (_, text) => {
    expect(() => parseStrictJson(text)).toThrow(/^(?!.*secret)/)
    expect(() => parseStrictJson(text)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })
})
