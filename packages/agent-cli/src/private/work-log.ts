import type { Vault } from './vault.ts'

/** Entries older than this count for nothing, ms. */
const KEPT_MS = 24 * 3_600_000

/** What this machine took on within the last 24 hours. */
export interface WorkDone {
  readonly jobs: number
  /** How long their commands ran, ms. */
  readonly ms: number
}

/** Note that an order was taken on. Once: what is noted already stays as it is. */
export function noteTaken(vault: Vault, assignmentId: string, nowMs: number): void {
  vault.run('DELETE FROM work_log WHERE at_ms <= ?', nowMs - KEPT_MS)
  vault.run('INSERT OR IGNORE INTO work_log VALUES (?, ?, 0)', assignmentId, nowMs)
}

/** It was not taken on after all. */
export function forgetTaken(vault: Vault, assignmentId: string): void {
  vault.run('DELETE FROM work_log WHERE assignment_id = ?', assignmentId)
}

/** Add to the time an order took. */
export function addWorkTime(vault: Vault, assignmentId: string, ms: number, nowMs: number): void {
  noteTaken(vault, assignmentId, nowMs)
  vault.run('UPDATE work_log SET ms = ms + ? WHERE assignment_id = ?', Math.round(ms), assignmentId)
}

/** @param except - An order that is not to be counted: the one that is being decided on. */
export function workDone(vault: Vault, nowMs: number, except = ''): WorkDone {
  const sql = 'SELECT count(*) AS jobs, coalesce(sum(ms), 0) AS ms FROM work_log WHERE at_ms > ? AND assignment_id <> ?'
  return vault.get<WorkDone>(sql, nowMs - KEPT_MS, except) ?? { jobs: 0, ms: 0 }
}
