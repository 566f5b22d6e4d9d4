import { expect, test } from 'vitest'
import { ERROR_CODES, isErrorCode, statusOf } from './error-codes.ts'

test('every code has a status and an exit code of their lists', () => {
  for (const { status, exit } of Object.values(ERROR_CODES)) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect([1, 2, 3, 4, 5, 6]).toContain(exit)
  }
})

test('what can be tried again later exits with 6', () => {
  expect(ERROR_CODES.rate_limited.exit).toBe(6)
  expect(ERROR_CODES.overloaded.exit).toBe(6)
  expect(statusOf('storage_full')).toBe(503)
})

test.each(['toString', '__proto__', 'nothing', ''])('%j is no code', (code) => {
  expect(isErrorCode(code)).toBe(false)
})
