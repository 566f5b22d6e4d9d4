import type { DocumentTyp } from '@agent-marketplace/protocol/sealing'
import type { MessageState } from './inbox.ts'
import { COVER_TYP } from './outbox.ts'
import type { Vault } from './vault.ts'

/**
 * How far a message has come. `waiting`: not with the relay. `sent`: the relay has it, which says nothing about the recipient.
 * `stored`, `opened`, `acted`: the recipient says so, under its signature. `refused`: the relay will never take it.
 */
export type SentState = 'waiting' | 'refused' | 'sent' | MessageState

export interface SentMessage {
  readonly messageId: string
  readonly to: string
  readonly typ: DocumentTyp
  readonly state: SentState
  readonly sealedAtMs: number
  /** When it is sent, while it waits. */
  readonly dueAtMs?: number
}

interface SentRow {
  message_id: string
  to_id: string
  typ: DocumentTyp
  state: 'sealed' | 'sent' | 'refused'
  doc_hash: string
  sealed_at_ms: number
  due_at_ms: number
  equals: number
}

/** What answers can say, the most first. A document that answers ours in another way was written by somebody who had read it. */
const STEPS: readonly MessageState[] = ['acted', 'opened', 'stored']

/** Messages this agent sealed, newest first; receipts and cover are not among them. */
export function listSentMessages(
  vault: Vault,
  { to, isWaiting = false, limit }: { to?: string | undefined; isWaiting?: boolean | undefined; limit: number },
): SentMessage[] {
  // Documents that are equal to the letter have one hash: receipts count for the earlier ones first.
  const rows = vault.all<SentRow>(
    `SELECT o.message_id, o.to_id, o.typ, o.state, o.doc_hash, o.sealed_at_ms, o.due_at_ms,
       (SELECT count(*) FROM outbox e WHERE e.to_id = o.to_id AND e.doc_hash = o.doc_hash AND e.state = 'sent'
          AND (e.sealed_at_ms, e.message_id) < (o.sealed_at_ms, o.message_id)) AS equals
     FROM outbox o WHERE o.typ NOT IN ('receipt', '${COVER_TYP}') AND (?1 IS NULL OR o.to_id = ?1) AND (?2 = 0 OR o.state = 'sealed')
     ORDER BY o.sealed_at_ms DESC, o.message_id LIMIT ?3`,
    to ?? null,
    isWaiting ? 1 : 0,
    limit,
  )
  return rows.map((row) => {
    const { message_id: messageId, to_id: to, typ, sealed_at_ms: sealedAtMs, due_at_ms: dueAtMs } = row
    const message = { messageId, to, typ, state: stateOf(vault, row), sealedAtMs }
    return row.state === 'sealed' ? { ...message, dueAtMs } : message
  })
}

function stateOf(vault: Vault, row: SentRow): SentState {
  if (row.state !== 'sent') return row.state === 'sealed' ? 'waiting' : 'refused'
  // Only the recipient's own word counts.
  const answers = vault.all<{ typ: string; said: MessageState | null }>(
    `SELECT typ, json_extract(CAST(doc AS TEXT), '$.state') AS said FROM inbox
     WHERE ref = ? AND from_id = ? AND state IN ('stored', 'opened', 'acted')`,
    row.doc_hash,
    row.to_id,
  )
  const reached = answers.map(({ typ, said }) => (typ === 'receipt' && said !== null ? said : 'acted'))
  return STEPS.find((step) => reached.filter((each) => each === step).length > row.equals) ?? 'sent'
}
