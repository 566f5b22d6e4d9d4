import { expect, test } from 'vitest'
import { reasonOf } from './red-reason.ts'

test('a test that found something is red, in one line of its words', () => {
  const message = "AssertionError: expected 'a' to be 'b'\n    at file.test.ts:3:1"

  expect(reasonOf([message])).toEqual({ found: "AssertionError: expected 'a' to be 'b'" })
  expect(reasonOf(['Error: Test timed out in 5000ms.', message])).toEqual({ found: "AssertionError: expected 'a' to be 'b'" })
})

test.each([
  ['ran out of time', 'Error: Test timed out in 60000ms.\nIf this is a long-running test, pass a timeout value'],
  ['waited for a hook', 'Error: Hook timed out in 10000ms.'],
  ['could not be read', 'SyntaxError: Unexpected token'],
  ['misses what it imports', "Error: Cannot find module './gone.ts'"],
])('a test that %s has found nothing', (_, message) => {
  expect(reasonOf([message]).wrong).toMatch(/^red, but not because of what the test found: /)
})

test('a test that failed without a word has found nothing', () => {
  expect(reasonOf([]).wrong).toContain('no message')
})
