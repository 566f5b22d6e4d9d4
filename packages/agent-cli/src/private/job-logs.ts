import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensurePrivateDirectory, removePrivateFile } from './files.ts'
import type { Job } from './jobs.ts'
import { createSealedLog, readSealedLog } from './sealed-log.ts'
import type { Vault } from './vault.ts'

/** What is kept of each stream of a run, bytes; what comes after is dropped. */
export const STREAM_BYTES_MAX = 1024 * 1024
/** What one run takes on disk, bytes: a command that prints byte by byte costs more than it says. */
const FILE_BYTES_MAX = 4 * STREAM_BYTES_MAX
/** Runs whose logs are kept, and what they may take together, bytes. */
export const RUNS_MAX = 50
export const LOGS_BYTES_MAX = 64 * 1024 * 1024
export const LOGS_KEPT_MS = 7 * 24 * 3_600_000

const KEY_BYTES = 32
const NAME_BYTES = 12

export const STREAMS = ['stdout', 'stderr'] as const
export type Stream = (typeof STREAMS)[number]

/** One run of a command for an assignment. */
export interface LoggedRun extends Pick<Job, 'assignmentId' | 'kind' | 'attempt'> {
  /** Name of its log. */
  readonly run: string
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
  /** How it ended, in words such as `exit 0`. */
  readonly outcome: string | undefined
}

/** What a command prints, as it prints it. */
export interface JobLog {
  write(stream: Stream, chunk: Uint8Array): void
  end(outcome: string, nowMs: number): void
}

interface LogRow {
  run: string
  assignment_id: string
  kind: Job['kind']
  attempt: number
  key: Uint8Array
  started_at_ms: number
  ended_at_ms: number | null
  outcome: string | null
}

/**
 * Begin the log of a run: a sealed file of a random name in `logs/` of the profile, its key in the vault before a byte of it is written. Whoever has the
 * file alone learns how much was printed and when; once the key is forgotten nobody learns more.
 *
 * @param directory - The profile's.
 */
export function beginLog(
  vault: Vault,
  directory: string,
  job: Pick<Job, 'assignmentId' | 'kind' | 'attempt'>,
  nowMs: number,
): JobLog {
  ensurePrivateDirectory(directoryOf(directory))
  const run = randomBytes(NAME_BYTES).toString('hex')
  const key = randomBytes(KEY_BYTES)
  vault.run(
    'INSERT INTO job_logs VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)',
    run,
    job.assignmentId,
    job.kind,
    job.attempt,
    key,
    nowMs,
  )
  const file = createSealedLog(pathOf(directory, run), key)
  const room = { stdout: STREAM_BYTES_MAX, stderr: STREAM_BYTES_MAX, file: FILE_BYTES_MAX }
  return {
    write(stream, chunk) {
      const kept = chunk.subarray(0, room[stream])
      if (kept.length === 0 || room.file <= 0) return
      room[stream] -= kept.length
      try {
        room.file -= file.append(Buffer.concat([Buffer.of(STREAMS.indexOf(stream)), kept]))
      } catch {
        room.file = 0 // a full disk ends the log, not the job
      }
    },
    end(outcome, endedAtMs) {
      try {
        file.end()
      } catch {
        // Without its end it is read as far as it goes.
      }
      vault.run('UPDATE job_logs SET ended_at_ms = ?, outcome = ? WHERE run = ?', endedAtMs, outcome, run)
    },
  }
}

/** Runs whose logs are kept, the latest first; of one assignment if that is named. */
export function listLogs(vault: Vault, assignmentId?: string): LoggedRun[] {
  const rows = vault.all<LogRow>(
    'SELECT * FROM job_logs WHERE assignment_id = coalesce(?, assignment_id) ORDER BY started_at_ms DESC, rowid DESC',
    assignmentId ?? null,
  )
  return rows.map(toRun)
}

/** What a run printed, in its order, as far as it is there, and whether that is all that was kept of it. */
export function readLog(
  vault: Vault,
  directory: string,
  { run }: Pick<LoggedRun, 'run'>,
): { printed: { stream: Stream; bytes: Uint8Array }[]; isWhole: boolean } {
  const row = vault.get<Pick<LogRow, 'key'>>('SELECT key FROM job_logs WHERE run = ?', run)
  const { records, isWhole } = (row && readSealedLog(pathOf(directory, run), row.key)) ?? { records: [], isWhole: false }
  const printed = records.map((record) => ({ stream: STREAMS[record[0] ?? 0] ?? 'stdout', bytes: record.subarray(1) }))
  return { printed, isWhole }
}

/** Bytes on disk of a log. */
export function sizeOfLog(directory: string, { run }: Pick<LoggedRun, 'run'>): number {
  return lstatSync(pathOf(directory, run), { throwIfNoEntry: false })?.size ?? 0
}

/** No process runs a job: what has no end was cut off with the one that did. */
export function endInterruptedLogs(vault: Vault, nowMs: number): void {
  vault.run("UPDATE job_logs SET ended_at_ms = ?, outcome = 'interrupted' WHERE ended_at_ms IS NULL", nowMs)
}

/** Keep the logs of the last week, of the last 50 runs, 64 MiB at most. Of the others the key goes first, then the file. */
export function pruneLogs(vault: Vault, directory: string, nowMs: number): void {
  let runs = 0
  let bytes = 0
  for (const log of listLogs(vault)) {
    runs += 1
    bytes += sizeOfLog(directory, log)
    const isKept = runs <= RUNS_MAX && bytes <= LOGS_BYTES_MAX && nowMs - (log.endedAtMs ?? nowMs) < LOGS_KEPT_MS
    if (!isKept && log.endedAtMs !== undefined) vault.run('DELETE FROM job_logs WHERE run = ?', log.run)
  }
  const known = new Set(listLogs(vault).map(({ run }) => fileOf(run)))
  for (const name of namesIn(directoryOf(directory))) if (!known.has(name)) removePrivateFile(join(directoryOf(directory), name))
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

const directoryOf = (profile: string) => join(profile, 'logs')
const fileOf = (run: string) => `${run}.sealed`
const pathOf = (profile: string, run: string) => join(directoryOf(profile), fileOf(run))

function toRun(row: LogRow): LoggedRun {
  return {
    run: row.run,
    assignmentId: row.assignment_id,
    kind: row.kind,
    attempt: row.attempt,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms ?? undefined,
    outcome: row.outcome ?? undefined,
  }
}
