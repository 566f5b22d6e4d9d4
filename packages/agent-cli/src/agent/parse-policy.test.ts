import { expect, test } from 'vitest'
import { parsePolicy } from './parse-policy.ts'

test('flags of a policy become what they say, and what is not named is not there', () => {
  expect(parsePolicy({})).toEqual({})
  expect(
    parsePolicy({
      'min-price': '0.25',
      'max-input': '20MiB',
      'allow-buyer': ['alice', 'bob'],
      'daily-jobs': 0,
      'daily-time': '2h',
      'job-time': '10m',
      'job-memory': '1GiB',
      'job-output': '5MB',
    }),
  ).toEqual({
    minPrice: '0.25',
    maxInputBytes: 20 * 2 ** 20,
    allowBuyers: ['alice', 'bob'],
    dailyJobs: 0,
    dailyMs: 7_200_000,
    jobMs: 600_000,
    jobMemoryBytes: 2 ** 30,
    jobOutputBytes: 5_000_000,
  })
})

test.each([
  { 'min-price': '1,5' },
  { 'min-review-price': '-1' },
  { 'max-input': '20' },
  { 'allow-buyer': ['Alice'] },
  { 'deny-buyer': ['bob', ''] },
  { 'daily-time': 'day' },
  { 'job-time': '0s' },
  { 'job-output': '0B' },
  { 'job-memory': '1MiB' },
])('%j is no policy', (text) => {
  expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: 'usage', exit: 2 }))
})
