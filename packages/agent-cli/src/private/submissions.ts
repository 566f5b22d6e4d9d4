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
}

interface SubmissionRow {
  assignment_id: string
  attempt: number
  order_hash: string | null
  artifacts: string
  state: SubmissionState
}

/**
 * Keep what is handed over for an attempt. Once any of it was announced it stays; before that, other work takes its place.
 *
 * @returns What is kept.
 */
export function keepSubmission(
  vault: Vault,
  work: Omit<Submission, 'state'>,
  at: { isAnnounced: boolean; nowMs: number },
): Submission {
  const { assignmentId, attempt, orderHash, artifacts } = work
  const onConflict = at.isAnnounced ? 'IGNORE' : 'REPLACE'
  vault.run(
    `INSERT OR ${onConflict} INTO submissions VALUES (?, ?, ?, ?, 'sealed', ?)`,
    assignmentId,
    attempt,
    orderHash ?? null,
    JSON.stringify(artifacts),
    at.nowMs,
  )
  return findSubmission(vault, assignmentId, attempt) ?? { ...work, state: 'sealed' }
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

export function markSubmission(
  vault: Vault,
  work: { assignmentId: string; attempt: number },
  state: Exclude<SubmissionState, 'sealed'>,
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
  }
}
