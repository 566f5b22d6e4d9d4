import type { SignedCard } from '@agent-marketplace/protocol'
import type { ContactRow } from './pinned.ts'
import type { Vault } from './vault.ts'

/** A genuine card that claimed a pinned id under another key, and the card that was pinned then. */
export interface KeyConflict {
  readonly shown: SignedCard
  readonly pinned: SignedCard
  readonly seenAtMs: number
  /** Who showed the other card: the platform, or a message, which anybody can write. */
  readonly source: 'platform' | 'message'
}

interface ConflictRow {
  card_bytes: string
  card_signature: string
  pinned_card_bytes: string
  pinned_card_signature: string
  seen_at_ms: number
  by_message: number
}

/** Keep both cards as evidence, once. */
export function keepConflict(
  vault: Vault,
  known: ContactRow,
  { shown, source }: Pick<KeyConflict, 'shown' | 'source'>,
  nowMs: number,
): void {
  vault.run(
    `INSERT INTO key_conflicts VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET by_message = min(by_message, excluded.by_message)`,
    known.agent_id,
    shown.cardBytes,
    shown.signature,
    known.card_bytes,
    known.card_signature,
    nowMs,
    source === 'message' ? 1 : 0,
  )
}

/** The conflicts of an agent, those that the platform showed first, the newest of them first. */
export function listConflicts(vault: Vault, agentId: string): KeyConflict[] {
  return vault
    .all<ConflictRow>('SELECT * FROM key_conflicts WHERE agent_id = ? ORDER BY by_message, seen_at_ms DESC', agentId)
    .map((row) => ({
      shown: { cardBytes: row.card_bytes, signature: row.card_signature },
      pinned: { cardBytes: row.pinned_card_bytes, signature: row.pinned_card_signature },
      seenAtMs: row.seen_at_ms,
      source: row.by_message === 1 ? 'message' : 'platform',
    }))
}

/** A conflict has turned out to be none: this card follows from the pinned one, or its key is trusted by now. */
export function forgetConflict(vault: Vault, agentId: string, { cardBytes }: SignedCard): void {
  vault.run('DELETE FROM key_conflicts WHERE agent_id = ? AND card_bytes = ?', agentId, cardBytes)
}
