import { lstat } from 'node:fs/promises'
import type { Check } from './check.ts'
import { checkJson } from './json-worker.ts'
import { type Findings, type Report, type ResultFile, shortReason, trouble, type Validators } from './report.ts'
import { runTests } from './run-tests.ts'
import { decideOutcome, scoreChecks } from './score.ts'

export interface RunChecksOptions {
  validators: Validators
  /** The result, on this disk. */
  files: readonly ResultFile[]
  /** Directories that tests must not see (`runTests`). */
  hide?: readonly string[]
  signal?: AbortSignal
}

/**
 * Run a brief's validators over a result: on a reviewer's machine for a verdict, on an executor's before it submits. No network.
 *
 * - `content_unavailable`: no file, or one of them is not there. `invalid_format`: schema or rules need JSON and it is not.
 * - `failed`: something that ran says so, even if another validator could not run.
 * - `inconclusive`: nothing says failed, and a validator could not run (a broken brief, time, memory, an abort) or the brief has none.
 *
 * Tests are a stranger's program: whoever calls this decides whether to run them, with `detectIsolation` in view.
 *
 * @returns A report; never rejects.
 */
export async function runChecks({ validators, files, hide, signal }: RunChecksOptions): Promise<Report> {
  const { schema, rules, tests } = validators
  if (schema === undefined && rules === undefined && tests === undefined)
    return conclude([trouble('inconclusive', 'the brief has no validators')], 1)
  const missing = await findMissing(files)
  if (missing) return conclude([trouble('content_unavailable', missing)], 1)

  const findings: Findings[] = []
  if (schema !== undefined || rules !== undefined)
    findings.push(await checkJson({ schema, rules, files }, { ...(signal && { signal }) }))
  const isJson = findings[0]?.trouble?.outcome !== 'invalid_format'
  if (tests !== undefined && isJson)
    findings.push(await runTests(tests, files, { ...(hide && { hide }), ...(signal && { signal }) }))
  return conclude(findings, rules?.threshold ?? 1)
}

async function findMissing(files: readonly ResultFile[]): Promise<string | undefined> {
  if (files.length === 0) return 'the result has no files'
  for (const { name, path } of files) {
    const stat = await lstat(path).catch(() => undefined)
    if (!stat?.isFile()) return shortReason(`${name} is not there`)
  }
  return undefined
}

function conclude(findings: readonly Findings[], threshold: number): Report {
  const checks: Check[] = findings.flatMap((found) => found.checks)
  const stop = findings.find((found) => found.trouble)?.trouble
  const decided = decideOutcome(checks, threshold)
  const reason = stop && { reason: stop.reason }
  if (stop && (decided === 'passed' || stop.outcome !== 'inconclusive'))
    return { outcome: stop.outcome, scoreBps: 0, checks, ...reason }
  return { outcome: decided, scoreBps: scoreChecks(checks), checks, ...reason }
}
