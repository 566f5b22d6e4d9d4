import { describe, expect, test } from 'vitest'
import { BriefError } from './brief-error.ts'
import { checkSchema, compileSchema, parseSchema } from './schema.ts'

const check = (schema: unknown, document: unknown, allErrors = true) =>
  checkSchema(compileSchema(schema, { allErrors }), document)

describe('checkSchema', () => {
  const emails = {
    type: 'array',
    items: { type: 'string', pattern: '^[^@]+@[^@]+$' },
    prefixItems: [{ const: 'a@b' }],
    minItems: 1,
  }

  test('follows 2020-12', () => {
    expect(check(emails, ['a@b', 'c@d'])).toEqual({ name: 'schema', kind: 'schema', passed: true, weight: 1 })
    expect(check(emails, ['c@d']).passed).toBe(false)
    expect(check(true, null).passed).toBe(true)
    expect(check(false, null).passed).toBe(false)
    expect(
      check(
        { $defs: { n: { $id: 'node', properties: { next: { $ref: 'node' } }, required: ['v'] } }, $ref: 'node' },
        { v: 1, next: {} },
      ).passed,
    ).toBe(false)
  })

  test('explains several violations, or the first, in one bounded line', () => {
    expect(check(emails, ['a@b', 5, 'x']).reason).toBe('/1 must be string; /2 must match pattern "^[^@]+@[^@]+$"')
    expect(check(emails, ['a@b', 5, 'x'], false).reason).toBe('/1 must be string')
    expect(check({ items: { type: 'string' } }, [1, 2, 3, 4, 5, 6, 7]).reason).toMatch(/; and 2 more$/)
    const long =
      check({ propertyNames: false, additionalProperties: false }, { [`a\u001b[31m\n${'x'.repeat(9_999)}`]: 1 }).reason ?? ''
    expect(long.length).toBeLessThanOrEqual(300)
    expect(long).not.toMatch(/\p{Cc}/u)
  })

  test('sees own properties only', () => {
    expect(check({ required: ['toString'] }, {}).passed).toBe(false)
    expect(check({ required: ['__proto__'] }, {}).passed).toBe(false)
    expect(check({ required: ['__proto__'] }, JSON.parse('{"__proto__":1}')).passed).toBe(true)
  })

  test('format and unknown keywords are annotations', () => {
    expect(check({ type: 'string', format: 'email', 'x-note': 1 }, 'no mail').passed).toBe(true)
    expect(check({ format: 'no-such-format' }, 1).passed).toBe(true)
  })

  test('a schema that calls itself without end is the fault of the brief', () => {
    expect(() => check({ $ref: '#' }, 1)).toThrow('schema: calls itself without end')
  })
})

describe('parseSchema', () => {
  const nested = (depth: number): unknown => (depth === 0 ? true : { not: nested(depth - 1) })
  const bad: [what: string, schema: unknown, message: RegExp][] = [
    ['a number', 5, /an object or a boolean/],
    ['null', null, /an object or a boolean/],
    ['a list', [], /an object or a boolean/],
    ['an unknown type', { type: 'text' }, /schema is invalid/],
    ['another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, /must be https/],
    ['a remote $ref', { $ref: 'https://example.com/schema.json' }, /nothing is fetched/],
    ['a remote $ref deep inside', { properties: { a: { items: { $ref: 'other.json#/x' } } } }, /nothing is fetched/],
    ['a file $ref', { $ref: 'file:///etc/passwd' }, /nothing is fetched/],
    ['a dangling local $ref', { $ref: '#/$defs/gone' }, /nothing is fetched/],
    ['a backtracking pattern', { pattern: '^(a)\\1$' }, /linear time/],
    ['a backtracking property pattern', { patternProperties: { '(?=a)': true } }, /linear time/],
    ['an asynchronous schema', { $async: true, type: 'string' }, /\$async/],
    ['one that is too deep', nested(80), /nested deeper than 64/],
    ['one that is far too deep', JSON.parse(`${'{"not":'.repeat(100_000)}true${'}'.repeat(100_000)}`), /nested deeper than 64/],
    ['one of too many parts', { enum: Array.from({ length: 10_001 }, (_, i) => i) }, /more than 10000 values/],
    [
      'an object of too many properties',
      { properties: Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`p${i}`, { type: 'string' }])) },
      /too many parts/,
    ],
    ['one that is too long', { $comment: 'x'.repeat(300_000) }, /longer than/],
  ]
  test.each(bad)('refuses %s', (_what, schema, message) => {
    expect(() => parseSchema(schema)).toThrow(BriefError)
    expect(() => parseSchema(schema)).toThrow(message)
  })

  test('compiles many references to one large definition without writing it out for each', () => {
    const properties = Object.fromEntries(Array.from({ length: 800 }, (_, i) => [`p${i}`, { type: 'string' }]))
    const startedMs = performance.now()
    parseSchema({ $defs: { large: { properties } }, allOf: Array(500).fill({ $ref: '#/$defs/large' }) })
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})
