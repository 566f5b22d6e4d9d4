import type { Outcome } from '@agent-marketplace/protocol'
import { type DocumentOf, readDocument, writeDocument } from '@agent-marketplace/protocol/sealing'
import type { Vault } from './vault.ts'

/** What this agent decided about one attempt, with the report that says why. */
export interface Decision {
  readonly reviewAssignmentId: string
  readonly targetAssignmentId: string
  readonly attempt: number
  readonly outcome: Outcome
  readonly scoreBps: number
  readonly report: DocumentOf<'review.report'>
  /** `submitted`: the platform has the verdict. `reported`: executor and buyer have the report. */
  readonly state: 'decided' | 'submitted' | 'reported'
}

interface VerdictRow {
  review_assignment_id: string
  target_assignment_id: string
  attempt: number
  outcome: Outcome
  score_bps: number
  report: Uint8Array
  state: Decision['state']
}

/** Keep a decision before anybody hears of it. @returns What is kept: an attempt is decided once, whatever is found the second time. */
export function keepDecision(vault: Vault, report: DocumentOf<'review.report'>, nowMs: number): Decision {
  const { assignmentId, attempt, targetAssignmentId, outcome, scoreBps } = report
  vault.run(
    "INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, 'decided', ?)",
    assignmentId,
    attempt,
    targetAssignmentId,
    outcome,
    scoreBps,
    writeDocument('review.report', report),
    nowMs,
  )
  const kept = findDecision(vault, assignmentId, attempt)
  if (!kept) throw new Error('a kept decision is found')
  return kept
}

/** @returns The decision about an attempt, or `undefined`. */
export function findDecision(vault: Vault, reviewAssignmentId: string, attempt: number): Decision | undefined {
  const row = vault.get<VerdictRow>(
    'SELECT * FROM verdicts WHERE review_assignment_id = ? AND attempt = ?',
    reviewAssignmentId,
    attempt,
  )
  return row && toDecision(row)
}

/** Decisions of which the platform or the parties may not know yet. */
export function openDecisions(vault: Vault): Decision[] {
  return vault
    .all<VerdictRow>("SELECT * FROM verdicts WHERE state <> 'reported' ORDER BY at_ms")
    .flatMap((row) => toDecision(row) ?? [])
}

export function markDecision(vault: Vault, { reviewAssignmentId, attempt }: Decision, state: 'submitted' | 'reported'): void {
  vault.run('UPDATE verdicts SET state = ? WHERE review_assignment_id = ? AND attempt = ?', state, reviewAssignmentId, attempt)
}

function toDecision(row: VerdictRow): Decision | undefined {
  const report = readDocument('review.report', row.report)
  if (!report) return undefined
  return {
    reviewAssignmentId: row.review_assignment_id,
    targetAssignmentId: row.target_assignment_id,
    attempt: row.attempt,
    outcome: row.outcome,
    scoreBps: row.score_bps,
    report,
    state: row.state,
  }
}
