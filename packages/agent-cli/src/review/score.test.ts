import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import type { Check } from './check.ts'
import { decideOutcome, scoreChecks } from './score.ts'

const check = fc.record({
  name: fc.string(),
  kind: fc.constantFrom('schema' as const, 'rule' as const, 'test' as const),
  passed: fc.boolean(),
  weight: fc.double({ min: 1e-6, max: 1_000, noNaN: true }),
})
const checks = fc.array(check, { minLength: 1, maxLength: 40 })

function rule(passed: boolean, weight = 1): Check {
  return { name: 'r', kind: 'rule', passed, weight }
}

describe('scoreChecks', () => {
  test.prop([checks])('is a whole number from 0 to 10000 and the same every time', (list) => {
    const score = scoreChecks(list)
    expect(Number.isInteger(score) && score >= 0 && score <= 10_000).toBe(true)
    expect(scoreChecks(structuredClone(list))).toBe(score)
  })

  test.prop([checks, fc.nat()])('never falls when one more check passes', (list, pick) => {
    const index = pick % list.length
    const better = list.map((item, at) => (at === index ? { ...item, passed: true } : item))
    expect(scoreChecks(better)).toBeGreaterThanOrEqual(scoreChecks(list))
  })

  test.prop([checks])('is 10000 when all pass and 0 when none does', (list) => {
    expect(scoreChecks(list.map((item) => ({ ...item, passed: true })))).toBe(10_000)
    expect(scoreChecks(list.map((item) => ({ ...item, passed: false })))).toBe(0)
  })

  test('weighs, and rounds down', () => {
    expect(scoreChecks([rule(true, 3), rule(false, 1)])).toBe(7_500)
    expect(scoreChecks([rule(true, 2), rule(false, 1)])).toBe(6_666)
    expect(scoreChecks([])).toBe(0)
  })
})

describe('decideOutcome', () => {
  test('rules pass together from the threshold on', () => {
    const list = [rule(true, 0.1), rule(true, 0.2), rule(false, 0.7)]
    expect(decideOutcome(list, 0.3)).toBe('passed')
    expect(decideOutcome(list, 0.31)).toBe('failed')
    expect(decideOutcome([rule(true), rule(false)], 1)).toBe('failed')
    const threeOfTen = Array.from({ length: 10 }, (_, index) => rule(index < 3, 0.7))
    expect(decideOutcome(threeOfTen, 0.3)).toBe('passed')
  })

  test.each(['schema', 'test'] as const)('no threshold forgives a failed %s', (kind) => {
    expect(decideOutcome([rule(true, 1_000), { name: 'x', kind, passed: false, weight: 1 }], 0)).toBe('failed')
  })
})
