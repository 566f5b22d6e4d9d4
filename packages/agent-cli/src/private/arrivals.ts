import type { DropKeys } from '@agent-marketplace/protocol/sealing'
import { readFact, writeFact } from './facts.ts'
import { toMessageId } from './message-id.ts'
import { scheduleRemoval } from './removals.ts'
import type { Vault } from './vault.ts'

/** Why a drop that was for this agent is worth nothing. `cover`: it was sent by this agent to itself, to be just that. */
export type Rejection =
  | 'gone'
  | 'not_opened'
  | 'not_a_frame'
  | 'addressed_to_another'
  | 'key_changed'
  | 'not_verified'
  | 'unknown_document'
  | 'content_mismatch'
  | 'over_quota'
  | 'cover'

/** A feed record that one of our prekeys matched. */
export interface MatchedRecord {
  readonly keys: DropKeys
  readonly ephemeral: Uint8Array
  readonly prekey: Uint8Array
}

/** A drop known from the feed that is not stored yet. With `frame`: it was read from the relay already. */
export interface PendingDrop {
  readonly messageId: string
  readonly readCap: Uint8Array
  readonly bodyKey: Uint8Array
  readonly ephemeral: Uint8Array
  readonly prekey: Uint8Array
  readonly frame: Uint8Array | undefined
  /** The frame verified: only its document is still to be fetched. */
  readonly isVerified: boolean
}

interface PendingRow {
  message_id: string
  read_cap: Uint8Array
  body_key: Uint8Array
  ephemeral: Uint8Array
  prekey: Uint8Array
  frame: Uint8Array | null
  state: string
}

const cursorName = (relay: string) => `feed ${relay}`

/** Up to where this relay's feed was scanned; 0 before the first time. */
export function feedCursor(vault: Vault, relay: string): number {
  return Number(readFact(vault, cursorName(relay)) ?? 0)
}

/** Keep what a page of the feed held for us, and the position after it, in one transaction: nothing is scanned twice or missed. */
export function recordScan(
  vault: Vault,
  page: { relay: string; cursor: number; matched: readonly MatchedRecord[] },
  nowMs: number,
): void {
  vault.transaction(() => {
    for (const { keys, ephemeral, prekey } of page.matched) {
      vault.run(
        `INSERT OR IGNORE INTO inbox (message_id, read_cap, delete_cap, body_key, ephemeral, prekey, state, seen_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, 'matched', ?)`,
        toMessageId(keys.slotId),
        keys.readCap,
        keys.deleteCap,
        keys.bodyKey,
        ephemeral,
        prekey,
        nowMs,
      )
    }
    writeFact(vault, cursorName(page.relay), String(page.cursor))
  })
}

/** Drops that are to be read, or whose document is to be fetched: the first that were seen, `limit` at most. */
export function pendingDrops(vault: Vault, limit: number): PendingDrop[] {
  return vault
    .all<PendingRow>(
      "SELECT message_id, read_cap, body_key, ephemeral, prekey, frame, state FROM inbox WHERE state IN ('matched', 'spilled') ORDER BY seen_at_ms LIMIT ?",
      limit,
    )
    .map((row) => ({
      messageId: row.message_id,
      readCap: row.read_cap,
      bodyKey: row.body_key,
      ephemeral: row.ephemeral,
      prekey: row.prekey,
      frame: row.frame ?? undefined,
      isVerified: row.state === 'spilled',
    }))
}

/** Keep the verified frame of a drop whose document travels as an artifact; from here on the drop itself is not needed. */
export function keepSpilled(vault: Vault, messageId: string, frame: Uint8Array): void {
  vault.run("UPDATE inbox SET state = 'spilled', frame = ? WHERE message_id = ? AND state = 'matched'", frame, messageId)
}

/** Give a drop up. A frame under another key than the pinned one stays as evidence. */
export function rejectDrop(vault: Vault, messageId: string, reason: Rejection, frame?: Uint8Array): void {
  vault.run(
    "UPDATE inbox SET state = 'rejected', reason = ?, frame = ? WHERE message_id = ? AND state IN ('matched', 'spilled')",
    reason,
    frame ?? null,
    messageId,
  )
}

/** Look once more at drops that came under a key nobody knew: it may be known by now. */
export function reviveDrops(vault: Vault): void {
  vault.run(
    "UPDATE inbox SET state = 'matched', reason = NULL WHERE state = 'rejected' AND reason = 'key_changed' AND frame IS NOT NULL",
  )
}

/**
 * Everything that arrived in the name of an agent came under a key that is not its own: it stays as evidence and counts for nothing. Whose document is still
 * on its way is asked for again.
 */
export function rejectMessagesOf(vault: Vault, agentId: string): void {
  const sql = "UPDATE inbox SET state = 'rejected', reason = 'key_changed', receipt_due = 0 WHERE from_id = ? AND doc IS NOT NULL"
  vault.run(sql, agentId)
  vault.run("UPDATE inbox SET state = 'matched' WHERE state = 'spilled'")
}

/** Forget drops that were worth nothing, once the feed cannot show them again. Evidence stays. */
export function forgetRejected(vault: Vault, seenBeforeMs: number): void {
  vault.run("DELETE FROM inbox WHERE state = 'rejected' AND frame IS NULL AND seen_at_ms < ?", seenBeforeMs)
}

/** The drop was read and what it said is stored: have the relay forget it. */
export function scheduleDropRemoval(vault: Vault, messageId: string, dueAtMs: number): void {
  const row = vault.get<{ read_cap: Uint8Array; delete_cap: Uint8Array }>(
    'SELECT read_cap, delete_cap FROM inbox WHERE message_id = ?',
    messageId,
  )
  if (row) scheduleRemoval(vault, { readCap: row.read_cap, deleteCap: row.delete_cap, dueAtMs })
}
