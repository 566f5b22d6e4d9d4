import { type Outcome, toBase64url, type Verdict } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer, text } from '../storage/row.ts'

/** Append a verdict; one per review assignment and attempt. @returns `false` if there is one: nothing was written. */
export async function appendVerdict(tx: Tx, verdict: Verdict): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO verdicts (verdict_id, review_assignment_id, target_assignment_id, attempt, reviewer_id, outcome, score_bps, issued_at_ms, signature, at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
    [
      verdict.verdictId,
      verdict.reviewAssignmentId,
      verdict.targetAssignmentId,
      verdict.attempt,
      verdict.reviewerId,
      verdict.outcome,
      verdict.scoreBps,
      verdict.issuedAtMs,
      Buffer.from(verdict.signature, 'base64url'),
      verdict.atMs,
    ],
  )
  return changed === 1
}

export async function listOutcomes(reader: Reader, targetAssignmentId: string, attempt: number): Promise<Outcome[]> {
  const rows = await reader.all('SELECT outcome FROM verdicts WHERE target_assignment_id = $1 AND attempt = $2', [
    targetAssignmentId,
    attempt,
  ])
  return rows.map((row) => text(row, 'outcome') as Outcome)
}

/** Verdicts on a piece of work, or by a review of it, in order. */
export async function listVerdictRecords(reader: Reader, assignmentId: string): Promise<Verdict[]> {
  const rows = await reader.all(
    'SELECT * FROM verdicts WHERE target_assignment_id = $1 OR review_assignment_id = $1 ORDER BY verdict_id',
    [assignmentId],
  )
  return rows.map(parseVerdict)
}

/** Submitted work whose review time is over, the longest over first. */
export async function listOverdue(reader: Reader, nowMs: number, limit: number): Promise<string[]> {
  const rows = await reader.all(
    'SELECT assignment_id FROM submitted_work WHERE review_by_ms < $1 ORDER BY review_by_ms, assignment_id LIMIT $2',
    [nowMs, limit],
  )
  return rows.map((row) => text(row, 'assignment_id'))
}

/** Work that a reviewer left without a word since it was last decided about. */
export async function listLeft(reader: Reader, limit: number): Promise<string[]> {
  const rows = await reader.all('SELECT assignment_id FROM work_to_decide LIMIT $1', [limit])
  return rows.map((row) => text(row, 'assignment_id'))
}

function parseVerdict(row: Row): Verdict {
  return {
    verdictId: text(row, 'verdict_id'),
    reviewAssignmentId: text(row, 'review_assignment_id'),
    targetAssignmentId: text(row, 'target_assignment_id'),
    attempt: integer(row, 'attempt'),
    reviewerId: text(row, 'reviewer_id'),
    outcome: text(row, 'outcome') as Outcome,
    scoreBps: integer(row, 'score_bps'),
    issuedAtMs: integer(row, 'issued_at_ms'),
    signature: toBase64url(bytes(row, 'signature')),
    atMs: integer(row, 'at_ms'),
  }
}
