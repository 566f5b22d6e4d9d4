import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { findPolicyRefusal, isSpent } from './policy.ts'

const idle = { jobs: 0, ms: 0 }
const work = { kind: 'execute', buyerId: 'buyer', price: '5' } as const
const review = { ...work, kind: 'review' } as const

describe('a policy', () => {
  test('that says nothing refuses nothing', () => {
    expect(findPolicyRefusal({}, work, { jobs: 1_000, ms: 1e9 })).toBeUndefined()
    expect(findPolicyRefusal({}, { ...work, price: '0' }, idle)).toBeUndefined()
  })

  test.prop([fc.bigInt(0n, 10n ** 6n), fc.bigInt(0n, 10n ** 6n)])('refuses exactly what pays less', (least, price) => {
    const refusal = findPolicyRefusal({ minPrice: String(least) }, { ...work, price: String(price) }, idle)
    expect(refusal !== undefined).toBe(price < least)
  })

  test('compares amounts and not texts, and reviews have a price of their own', () => {
    expect(findPolicyRefusal({ minPrice: '10' }, { ...work, price: '9' }, idle)).toBe('this agent asks for at least 10')
    expect(findPolicyRefusal({ minPrice: '0.5' }, { ...work, price: '0.25' }, idle)).toBeDefined()
    expect(findPolicyRefusal({ minPrice: '10', minReviewPrice: '1' }, review, idle)).toBeUndefined()
    expect(findPolicyRefusal({ minReviewPrice: '6' }, review, idle)).toBeDefined()
  })

  test('works for those it allows alone, and never for those it denies', () => {
    expect(findPolicyRefusal({ allowBuyers: ['other'] }, work, idle)).toBeDefined()
    expect(findPolicyRefusal({ allowBuyers: ['other', 'buyer'] }, work, idle)).toBeUndefined()
    expect(findPolicyRefusal({ allowBuyers: ['buyer'], denyBuyers: ['buyer'] }, work, idle)).toBeDefined()
    expect(findPolicyRefusal({ denyBuyers: ['buyer'] }, review, idle)).toBeDefined()
    expect(findPolicyRefusal({ denyBuyers: ['other'] }, work, idle)).toBeUndefined()
  })

  test('has a daily budget of orders and of time, which reviews do not draw on', () => {
    expect(findPolicyRefusal({ dailyJobs: 2 }, work, { jobs: 1, ms: 0 })).toBeUndefined()
    expect(findPolicyRefusal({ dailyJobs: 2 }, work, { jobs: 2, ms: 0 })).toBeDefined()
    expect(findPolicyRefusal({ dailyMs: 1_000 }, work, { jobs: 9, ms: 999 })).toBeUndefined()
    expect(findPolicyRefusal({ dailyMs: 1_000 }, work, { jobs: 1, ms: 1_000 })).toBeDefined()
    expect(findPolicyRefusal({ dailyJobs: 0 }, review, idle)).toBeUndefined()
    expect(isSpent({ dailyJobs: 0 }, idle)).toBe(true)
  })
})
