import { expect, test } from 'vitest'
import { countTests } from './count-tests.ts'

const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((test) => ({ fullName: `a ${test} test`, status: test })),
})

test('passed and failed tests are counted over all files', () => {
  const report = { testResults: [file('passed', 'passed', 'passed'), file('failed', 'passed', 'failed')] }
  expect(countTests(report)).toEqual({ passed: 3, failed: 1, skips: [] })
})

test.each(['pending', 'skipped', 'todo', 'disabled'])('a %s test is a failed test, and is named', (status) => {
  const count = countTests({ testResults: [file('passed', 'passed', status)] })
  expect(count).toEqual({ passed: 1, failed: 1, skips: [`${status}: a.test.ts: a ${status} test`] })
})

test('a file that cannot be loaded, or has no test, is one failure', () => {
  expect(countTests({ testResults: [file('failed')] })).toEqual({ passed: 0, failed: 1, skips: [] })
  expect(countTests({ testResults: [file('passed')] })).toEqual({ passed: 0, failed: 1, skips: [] })
})

test('a hook that fails after its tests is one failure', () => {
  expect(countTests({ testResults: [file('failed', 'passed')] })).toEqual({ passed: 1, failed: 1, skips: [] })
})
