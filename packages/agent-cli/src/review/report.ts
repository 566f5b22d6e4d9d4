import type { Check } from './check.ts'
import type { RuleSet } from './rule-set.ts'
import type { TestSuite } from './test-suite.ts'

/** The validators of a brief. Whoever received them need not have parsed them: `runChecks` parses each again. */
export interface Validators {
  /** JSON Schema 2020-12. */
  schema?: unknown
  rules?: RuleSet
  tests?: TestSuite
}

/** A result file on this machine. */
export interface ResultFile {
  name: string
  path: string
}

export type TroubleOutcome = 'invalid_format' | 'content_unavailable' | 'inconclusive'

export interface Report {
  outcome: 'passed' | 'failed' | TroubleOutcome
  /** 0–10000; 0 when the outcome is neither `passed` nor `failed`. */
  scoreBps: number
  checks: Check[]
  /** Why checks are missing. */
  reason?: string
}

/** What one kind of validator found: checks, or why there are none. */
export interface Findings {
  checks: Check[]
  trouble?: { outcome: TroubleOutcome; reason: string }
}

const REASON_CHARS_MAX = 300

/** Make a reason fit for a terminal and a report: one line, bounded. */
export function shortReason(text: string): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').toWellFormed()
  return line.length <= REASON_CHARS_MAX ? line : `${line.slice(0, REASON_CHARS_MAX - 1).toWellFormed()}…`
}

/** Findings that consist of trouble alone. */
export function trouble(outcome: TroubleOutcome, reason: string): Findings {
  return { checks: [], trouble: { outcome, reason: shortReason(reason) } }
}

/** Name a fault of this machine for a report: its code or class. Never its message, which may hold paths of this machine. */
export function faultName(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
