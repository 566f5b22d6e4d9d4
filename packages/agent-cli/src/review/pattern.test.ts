import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { BriefError } from './brief-error.ts'
import { compilePattern } from './pattern.ts'

describe('compilePattern', () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['^\\d{4}-\\d{2}-\\d{2}$', ['2026-01-31'], ['2026-1-31', 'x2026-01-31']],
    ['^[a-z0-9-]{1,63}$', ['a', 'a'.repeat(63)], ['', 'a'.repeat(64), 'A']],
    ['^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$', ['a.b@c.example'], ['a@b', 'a b@c.de', 'a@b.c']],
    ['^x{20,}$', ['x'.repeat(20), 'x'.repeat(99)], ['x'.repeat(19)]],
    ['^x{17}?y$', [`${'x'.repeat(17)}y`], [`${'x'.repeat(16)}y`]],
    ['^[{}\\]]{17}$', ['{}]'.repeat(6).slice(1)], ['{}']],
    ['^\\\\{20}$', ['\\'.repeat(20)], ['\\'.repeat(19)]],
    ['^\\u0041{18}$', ['A'.repeat(18)], ['A']],
    ['^(?<y>a|b)+$', ['abba'], ['abc']],
    ['^(?:ab){2,3}$', ['abab', 'ababab'], ['ab', 'abababab']],
    ['^a{0}$', [''], ['a']],
  ]
  test.each(cases)('%s', (source, yes, no) => {
    const pattern = compilePattern(source, 'p')
    for (const text of yes) expect(pattern.test(text), text).toBe(true)
    for (const text of no) expect(pattern.test(text), text).toBe(false)
  })

  test.each(['(a)\\1', '(?=a)b', '(?!a)b', '(?<=(a+)+)b', '(?:ab){17}', '((a{1,9}){1,9}){1,9}', '(?<n>a)\\k<n>'])(
    'refuses %s: not linear',
    (source) => {
      expect(() => compilePattern(source, 'p')).toThrow(/^p: cannot be matched in linear time/)
    },
  )
  test.each(['\\p{L}+', '\\P{L}', '[\\p{L}]', '\\u{1F600}', '😀+'])(
    'refuses %s instead of reading it as something else',
    (source) => {
      expect(() => compilePattern(source, 'p')).toThrow(/basic plane/)
    },
  )
  test.each(['(', 'a{2,1}', '*', '\\-', '{', 'x{99999999999999999999}{2}'])('refuses %s: no expression', (source) => {
    expect(() => compilePattern(source, 'p')).toThrow(/is not a regular expression/)
  })
  test.each(['a{9000}', 'a{1,999999999999}', '[a-z]{2000}[a-z]{2000}', 'a{99999999999999999999}'])(
    'refuses %s: too long when written out',
    (source) => {
      expect(() => compilePattern(source, 'p')).toThrow(/longer than 8000/)
    },
  )
  test.each([undefined, 5, 'a'.repeat(1_001)])('refuses %s', (source) => {
    expect(() => compilePattern(source, 'p')).toThrow(BriefError)
  })

  test.each(['^(a+)+$', '^(a|a)*$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*)*b', '^a{0,200}a{0,200}$'])(
    '%s is fast on a hostile text',
    (source) => {
      const pattern = compilePattern(source, 'p')
      const startedMs = performance.now()
      pattern.test(`${'a'.repeat(50_000)}!`)
      pattern.test(`${'x'.repeat(50_000)}!`)
      expect(performance.now() - startedMs).toBeLessThan(5_000)
    },
  )

  const piece = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '(?:a|b)', '(ab)', '^', '$', '|')
  const count = fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{0,2}?', '{2,}', '{3}')
  const source = fc
    .array(fc.tuple(piece, count), { maxLength: 6 })
    .map((parts) => parts.map(([atom, times]) => (['^', '$', '|'].includes(atom) ? atom : atom + times)).join(''))
  test.prop([source, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })])(
    'agrees with the ordinary engine',
    (written, text) => {
      expect(compilePattern(written, 'p').test(text)).toBe(new RegExp(written, 'u').test(text))
    },
  )
})
