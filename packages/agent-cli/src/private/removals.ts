import type { Vault } from './vault.ts'

/** A slot the relay is to forget. Both caps are 32 bytes and secret. */
export interface Removal {
  readonly readCap: Uint8Array
  readonly deleteCap: Uint8Array
  readonly dueAtMs: number
}

/** After this many failed tries the slot is left to its expiry. */
const TRIES_MAX = 5

/** Note a slot for deletion at a later time. */
export function scheduleRemoval(vault: Vault, { readCap, deleteCap, dueAtMs }: Removal): void {
  vault.run('INSERT OR IGNORE INTO removals (read_cap, delete_cap, due_at_ms) VALUES (?, ?, ?)', readCap, deleteCap, dueAtMs)
}

/** Slots that are due. */
export function dueRemovals(vault: Vault, nowMs: number): Removal[] {
  return vault
    .all<{ read_cap: Uint8Array; delete_cap: Uint8Array; due_at_ms: number }>(
      'SELECT * FROM removals WHERE due_at_ms <= ? ORDER BY due_at_ms',
      nowMs,
    )
    .map((row) => ({ readCap: row.read_cap, deleteCap: row.delete_cap, dueAtMs: row.due_at_ms }))
}

/** When the next slot is due, ms; `undefined` if none is. */
export function nextRemovalAtMs(vault: Vault): number | undefined {
  return vault.get<{ at: number | null }>('SELECT min(due_at_ms) AS at FROM removals')?.at ?? undefined
}

/** The relay has answered: deleted, or it never knew. */
export function finishRemoval(vault: Vault, { readCap }: Removal): void {
  vault.run('DELETE FROM removals WHERE read_cap = ?', readCap)
}

/** The relay did not answer: try again later, a few times. */
export function postponeRemoval(vault: Vault, { readCap }: Removal, dueAtMs: number): void {
  vault.run('UPDATE removals SET due_at_ms = ?, tries = tries + 1 WHERE read_cap = ?', dueAtMs, readCap)
  vault.run('DELETE FROM removals WHERE read_cap = ? AND tries >= ?', readCap, TRIES_MAX)
}
