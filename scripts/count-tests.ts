/** What this project reads of the JSON report of vitest. */
export interface TestReport {
  testResults: { name: string; status: string; message?: string; assertionResults: { fullName: string; status: string }[] }[]
}

export interface TestCount {
  passed: number
  failed: number
  /** One line for each test that did not run: it counts as failed. */
  skips: string[]
}

/**
 * Count the tests of a report. Only `passed` passes: a skipped or todo test is failed, and so is a file that stopped before its first test.
 */
export function countTests(report: TestReport): TestCount {
  const count: TestCount = { passed: 0, failed: 0, skips: [] }
  for (const file of report.testResults) {
    const bad = file.assertionResults.filter((test) => test.status !== 'passed')
    count.passed += file.assertionResults.length - bad.length
    count.failed += bad.length
    if (bad.length === 0 && (file.status !== 'passed' || file.assertionResults.length === 0)) count.failed += 1
    for (const test of bad) if (test.status !== 'failed') count.skips.push(`${test.status}: ${file.name}: ${test.fullName}`)
  }
  return count
}
