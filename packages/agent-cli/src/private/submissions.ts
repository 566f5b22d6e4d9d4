import type { SealedArtifact } from '@agent-marketplace/protocol/sealing'
import type { Vault } from './vault.ts'

/** `sealed`: uploaded, not yet announced to the platform. `withheld`: the attempt did not pass, its keys are never handed out. */
export type SubmissionState = 'sealed' | 'submitted' | 'released' | 'withheld'

/** Work of one attempt as it was handed over, with its keys. */
export interface Submission {
  readonly assignmentId: string
  readonly attempt: number
  /** Hash of the order it answers. */
  readonly orderHash: string | undefined
  readonly artifacts: readonly SealedArtifact[]
  readonly state: SubmissionState
  /** When its reviewers have to have spoken, as the platform said first; `undefined` while that was not heard. */
  readonly reviewByMs: number | undefined
  readonly sealedAtMs: number
}

interface SubmissionRow {
  assignment_id: string
  attempt: number
  order_hash: string | null
  artifacts: string
  state: SubmissionState
  at_ms: number
  review_by_ms: number | null
}

/**
 * Keep what is handed over for an attempt. Once any of it was announced it stays; before that, other work takes its place.
 *
 * @returns What is kept.
 */
export function keepSubmission(
  vault: Vault,
  work: Pick<Submission, 'assignmentId' | 'attempt' | 'orderHash' | 'artifacts'>,
  at: { isAnnounced: boolean; nowMs: number },
): Submission {
  const { assignmentId, attempt, orderHash, artifacts } = work
  const onConflict = at.isAnnounced ? 'IGNORE' : 'REPLACE'
  vault.run(
    `INSERT OR ${onConflict} INTO submissions (assignment_id, attempt, order_hash, artifacts, state, at_ms) VALUES (?, ?, ?, ?, 'sealed', ?)`,
    assignmentId,
    attempt,
    orderHash ?? null,
    JSON.stringify(artifacts),
    at.nowMs,
  )
  const kept = findSubmission(vault, assignmentId, attempt)
  if (!kept) throw new Error('kept work is found')
  return kept
}

/** @returns The work of an attempt, or `undefined` if none was handed over from here. */
export function findSubmission(vault: Vault, assignmentId: string, attempt: number): Submission | undefined {
  const row = vault.get<SubmissionRow>('SELECT * FROM submissions WHERE assignment_id = ? AND attempt = ?', assignmentId, attempt)
  return row && toSubmission(row)
}

/** Work whose keys may still have to be released. */
export function openSubmissions(vault: Vault): Submission[] {
  return vault
    .all<SubmissionRow>("SELECT * FROM submissions WHERE state IN ('sealed', 'submitted') ORDER BY at_ms")
    .map(toSubmission)
}

/** The platform has the work. @param reviewByMs - As it says now; what it said first stands. */
export function noteSubmitted(
  vault: Vault,
  { assignmentId, attempt }: { assignmentId: string; attempt: number },
  reviewByMs: number | undefined,
): void {
  const sql = `UPDATE submissions SET state = 'submitted', review_by_ms = coalesce(review_by_ms, ?)
     WHERE assignment_id = ? AND attempt = ? AND state IN ('sealed', 'submitted')`
  vault.run(sql, reviewByMs ?? null, assignmentId, attempt)
}

/** Nothing more is to be done about it. */
export function markSubmission(
  vault: Vault,
  work: { assignmentId: string; attempt: number },
  state: 'released' | 'withheld',
): void {
  vault.run(
    "UPDATE submissions SET state = ? WHERE assignment_id = ? AND attempt = ? AND state NOT IN ('released', 'withheld')",
    state,
    work.assignmentId,
    work.attempt,
  )
}

function toSubmission(row: SubmissionRow): Submission {
  return {
    assignmentId: row.assignment_id,
    attempt: row.attempt,
    orderHash: row.order_hash ?? undefined,
    artifacts: JSON.parse(row.artifacts) as SealedArtifact[],
    state: row.state,
    reviewByMs: row.review_by_ms ?? undefined,
    sealedAtMs: row.at_ms,
  }
}
