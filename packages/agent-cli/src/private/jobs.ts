import type { Vault } from './vault.ts'

/**
 * How far the daemon is with an assignment.
 * Both kinds begin as `assigned`. execute: `waiting` for the order → `running` the command → `finished`, output on disk → `submitted`.
 * review: `waiting` for brief and work (`missing` once it was submitted and has not arrived) → `judged` → `standby`, ready to release the keys in the executor's stead. `stalled`: nothing more is done about this attempt, and its lease is let go. `ended`: it is over.
 */
export type JobState =
  | 'assigned'
  | 'waiting'
  | 'running'
  | 'finished'
  | 'submitted'
  | 'missing'
  | 'judged'
  | 'standby'
  | 'stalled'
  | 'ended'

export interface Job {
  readonly assignmentId: string
  readonly kind: 'execute' | 'review'
  /** Of the work: of the assignment itself, or of the one it reviews. */
  readonly attempt: number
  readonly state: JobState
  /** Where the command ran last. */
  readonly directory: string | undefined
  /** Since when it is in this state. */
  readonly sinceMs: number
}

interface JobRow {
  assignment_id: string
  kind: 'execute' | 'review'
  attempt: number
  state: JobState
  directory: string | null
  since_ms: number
}

/** The job of an assignment, made as `assigned` if there is none. */
export function ensureJob(vault: Vault, job: Pick<Job, 'assignmentId' | 'kind' | 'attempt'>, nowMs: number): Job {
  const { assignmentId, kind, attempt } = job
  vault.run("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, 'assigned', NULL, ?)", assignmentId, kind, attempt, nowMs)
  return findJob(vault, assignmentId) ?? { ...job, state: 'assigned', directory: undefined, sinceMs: nowMs }
}

export function findJob(vault: Vault, assignmentId: string): Job | undefined {
  const row = vault.get<JobRow>('SELECT * FROM jobs WHERE assignment_id = ?', assignmentId)
  return row && toJob(row)
}

/** Every job that is not over. */
export function openJobs(vault: Vault): Job[] {
  return vault.all<JobRow>("SELECT * FROM jobs WHERE state <> 'ended' ORDER BY since_ms").map(toJob)
}

/** Move a job on. Written before what follows from it is done. */
export function moveJob(
  vault: Vault,
  job: Job,
  change: Partial<Pick<Job, 'attempt' | 'directory'>> & { state: JobState },
  nowMs: number,
): Job {
  const next = { ...job, ...change, sinceMs: nowMs }
  vault.run(
    'UPDATE jobs SET state = ?, attempt = ?, directory = ?, since_ms = ? WHERE assignment_id = ?',
    next.state,
    next.attempt,
    next.directory ?? null,
    nowMs,
    job.assignmentId,
  )
  return next
}

function toJob(row: JobRow): Job {
  return {
    assignmentId: row.assignment_id,
    kind: row.kind,
    attempt: row.attempt,
    state: row.state,
    directory: row.directory ?? undefined,
    sinceMs: row.since_ms,
  }
}
