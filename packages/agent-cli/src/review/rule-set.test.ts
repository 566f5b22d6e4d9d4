import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { BriefError } from './brief-error.ts'
import { canonicalText } from './json-shape.ts'
import { checkRules, parseRules, RULES_MAX } from './rule-set.ts'

/** Whether one rule holds for a document. */
function holds(document: unknown, op: string, ...value: unknown[]): boolean {
  const rule = { pointer: '', op, ...(value.length > 0 && { value: value[0] }) }
  return checkRules(parseRules({ version: 1, rules: [rule] }), document)[0]!.passed
}

describe('operators', () => {
  const cases: [op: string, value: unknown[], yes: unknown[], no: unknown[]][] = [
    ['required', [], [0, '', null, false], []],
    ['non_empty', [], [0, false, 'a', [0], { a: 0 }], ['', ' \n', [], {}, null]],
    ['type', ['integer'], [1, -0, 2 ** 60], [1.5, '1', null]],
    ['type', ['number'], [1, 1.5], ['1']],
    ['type', ['object'], [{}], [[], null]],
    ['type', ['null'], [null], [{}, 0]],
    ['min_length', [2], ['ab', '😀😀'], ['a', '😀', [1, 2], 22]],
    ['max_length', [2], ['', '😀😀'], ['abc', []]],
    ['eq', [{ a: 1, b: [2] }], [{ b: [2], a: 1 }], [{ a: 1 }, { a: 1, b: [2, 3] }, '{"a":1,"b":[2]}']],
    ['eq', [0], [0, -0], ['0', false, null]],
    ['neq', ['a'], ['b', 1, null], ['a']],
    ['in', [['a', 1, [2]]], ['a', 1, [2]], ['1', 2, null]],
    ['not_in', [['a']], ['b'], ['a']],
    ['gt', [1], [2], [1, '2', null]],
    ['gte', [1], [1], [0]],
    ['lt', [1], [0.5], [1]],
    ['lte', [1], [1, Number.NEGATIVE_INFINITY], [1.1]],
    ['matches', ['^a+$'], ['aa'], ['b', 5]],
    ['contains', ['b'], ['abc', ['b']], ['ac', ['abc'], { b: 1 }]],
    ['contains', [{ x: 1 }], [[{ x: 1 }]], ['[object Object]']],
    [
      'unique',
      [],
      [
        [],
        [1, '1', null],
        [
          { a: 1, b: 2 },
          { a: 2, b: 1 },
        ],
      ],
      [
        [1, 1],
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        'ab',
      ],
    ],
    ['min_items', [1], [[0]], [[], 'a']],
    ['max_items', [1], [[], [0]], [[1, 2], '']],
  ]
  test.each(cases)('%s %j', (op, value, yes, no) => {
    for (const document of yes) expect(holds(document, op, ...value), canonicalText(document)).toBe(true)
    for (const document of no) expect(holds(document, op, ...value), canonicalText(document)).toBe(false)
  })

  test.each(['neq', 'not_in', 'required', 'max_length', 'lt'])('%s does not hold for a value that is missing', (op) => {
    const value = { neq: 'a', not_in: ['a'], max_length: 1, lt: 1 }[op]
    const rules = parseRules({ version: 1, rules: [{ pointer: '/gone', op, ...(value !== undefined && { value }) }] })
    expect(checkRules(rules, { here: 1 })[0]).toMatchObject({ passed: false, reason: '/gone is missing' })
  })

  test.prop([fc.jsonValue(), fc.jsonValue()])('a value equals itself, and another only if their texts do', (a, b) => {
    expect(holds(a, 'eq', structuredClone(a))).toBe(true)
    expect(holds(a, 'eq', b)).toBe(!holds(a, 'neq', b))
    expect(holds(a, 'eq', b)).toBe(canonicalText(a) === canonicalText(b))
  })
})

describe('parseRules', () => {
  const rule = { pointer: '/a', op: 'required' }
  const set = (changes: object) => ({ version: 1, rules: [rule], ...changes })
  const one = (changes: object) => set({ rules: [{ ...rule, ...changes }] })

  test('fills in the defaults and changes nothing on a second pass', () => {
    const parsed = parseRules(set({}))
    expect(parsed).toEqual({ version: 1, threshold: 1, rules: [{ pointer: '/a', op: 'required', weight: 1 }] })
    expect(parseRules(parsed)).toEqual(parsed)
  })

  const bad: [input: unknown, path: string][] = [
    [null, 'rules'],
    [[], 'rules'],
    [{ ...set({}), metadata: 1 }, 'rules'],
    [JSON.parse('{"version":1,"rules":[],"__proto__":{}}'), 'rules'],
    [set({ version: 2 }), 'version'],
    [set({ threshold: 1.1 }), 'threshold'],
    [set({ threshold: Number.NaN }), 'threshold'],
    [set({ threshold: null }), 'threshold'],
    [set({ rules: [] }), 'rules'],
    [set({ rules: Array(RULES_MAX + 1).fill(rule) }), 'rules'],
    [
      set({
        rules: [
          { ...rule, id: 'x' },
          { ...rule, id: 'x' },
        ],
      }),
      'rules',
    ],
    [set({ rules: [rule, 5] }), 'rules[1]'],
    [one({ extra: 1 }), 'rules[0]'],
    [one({ id: '' }), 'rules[0].id'],
    [one({ id: 'a\nb' }), 'rules[0].id'],
    [one({ pointer: 'a' }), 'rules[0].pointer'],
    [one({ op: 'exists' }), 'rules[0].op'],
    [one({ op: 'toString' }), 'rules[0].op'],
    [one({ op: '__proto__' }), 'rules[0].op'],
    [one({ weight: 0 }), 'rules[0].weight'],
    [one({ weight: -1 }), 'rules[0].weight'],
    [one({ weight: Number.POSITIVE_INFINITY }), 'rules[0].weight'],
    [one({ value: 1 }), 'rules[0].value'],
    [one({ op: 'eq' }), 'rules[0].value'],
    [one({ op: 'gt', value: '1' }), 'rules[0].value'],
    [one({ op: 'min_items', value: 1.5 }), 'rules[0].value'],
    [one({ op: 'max_length', value: -1 }), 'rules[0].value'],
    [one({ op: 'in', value: 'abc' }), 'rules[0].value'],
    [one({ op: 'type', value: 'date' }), 'rules[0].value'],
    [one({ op: 'matches', value: '(a)\\1' }), 'rules[0].value'],
    [one({ op: 'eq', value: JSON.parse('['.repeat(40) + ']'.repeat(40)) }), 'rules[0].value'],
  ]
  test.each(bad)('refuses %j at %s', (input, path) => {
    const parse = () => parseRules(input)
    expect(parse).toThrow(BriefError)
    expect(parse).toThrow(`${path}: `)
  })

  test.prop([fc.anything()])('refuses anything else with a BriefError', (input) => {
    expect(() => parseRules({ version: 1, rules: [input] })).toThrow(BriefError)
  })
})

describe('checkRules', () => {
  test('names, weighs and explains every rule', () => {
    const rules = parseRules({
      version: 1,
      rules: [
        { id: 'mails', pointer: '/emails', op: 'min_items', value: 1, weight: 3 },
        { pointer: '/total', op: 'eq', value: 2 },
      ],
    })
    expect(checkRules(rules, { emails: ['a@b.c'], total: 1 })).toEqual([
      { name: 'mails', kind: 'rule', passed: true, weight: 3 },
      { name: 'rule 2', kind: 'rule', passed: false, weight: 1, reason: '/total is not eq 2' },
    ])
  })
})
