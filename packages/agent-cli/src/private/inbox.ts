import { type DocumentOf, type DocumentTyp, documentHash, isDocumentTyp, readDocument } from '@agent-marketplace/protocol/sealing'
import type { Vault } from './vault.ts'

/** How far the owner of this machine is with a message: it is here, was read, was acted on. */
export type MessageState = 'stored' | 'opened' | 'acted'

/** A verified document of another agent, with the drop it came in. */
export interface Message<T extends DocumentTyp = DocumentTyp> {
  readonly messageId: string
  readonly from: string
  readonly typ: T
  readonly sentAtMs: number
  readonly state: MessageState
  readonly document: DocumentOf<T>
  /** What a `ref` to it says: SHA-256 of its bytes, base64url. */
  readonly hash: string
  /** That it is of `from` is only what its sender says: the platform has not shown the card of that agent yet. */
  readonly isClaimed: boolean
}

/** What is stored of a drop that verified. */
export interface Arrival {
  readonly from: string
  readonly typ: DocumentTyp
  readonly sentAtMs: number
  /** The frame as it was signed, kept as evidence. */
  readonly frame: Uint8Array
  readonly doc: Uint8Array
}

export interface MessageFilter {
  readonly from?: string | undefined
  readonly sinceMs?: number | undefined
  readonly limit: number
}

interface MessageRow {
  message_id: string
  from_id: string
  typ: string
  sent_at_ms: number
  state: MessageState
  doc: Uint8Array
  doc_hash: string
  claimed: number
}

const COLUMNS = `message_id, from_id, typ, sent_at_ms, state, doc, doc_hash,
  EXISTS (SELECT 1 FROM contacts WHERE agent_id = from_id AND claimed = 1) AS claimed`
const ARRIVED = "state IN ('stored', 'opened', 'acted')"
/** What a person sends and waits for, and nothing else answers at once. */
const RECEIPTED_TYPS: readonly DocumentTyp[] = ['order.offer', 'handoff.files', 'message.text']
const RECEIPTED = `typ IN (${RECEIPTED_TYPS.map((typ) => `'${typ}'`).join(', ')})`

/** Store a verified document, at most once. @returns `false` if another process was faster: nothing was written. */
export function storeArrival(vault: Vault, messageId: string, arrival: Arrival, nowMs: number): boolean {
  const about = readDocument(arrival.typ, arrival.doc) as { assignmentId?: string; targetAssignmentId?: string } | null
  const { changes } = vault.run(
    `UPDATE inbox SET state = 'stored', from_id = ?, typ = ?, sent_at_ms = ?, frame = ?, doc = ?, doc_hash = ?,
       assignment_id = ?, target_assignment_id = ?, stored_at_ms = ?, receipt_due = ?
     WHERE message_id = ? AND state IN ('matched', 'spilled')`,
    arrival.from,
    arrival.typ,
    arrival.sentAtMs,
    arrival.frame,
    arrival.doc,
    documentHash(arrival.doc),
    about?.assignmentId ?? null,
    about?.targetAssignmentId ?? null,
    nowMs,
    RECEIPTED_TYPS.includes(arrival.typ) ? 1 : 0,
    messageId,
  )
  return changes === 1
}

/** Messages that arrived, newest first; receipts are not among them: they tell of what was sent. */
export function listMessages(vault: Vault, { from, sinceMs, limit }: MessageFilter): Message[] {
  return vault
    .all<MessageRow>(
      `SELECT ${COLUMNS} FROM inbox WHERE ${ARRIVED} AND typ <> 'receipt' AND (?1 IS NULL OR from_id = ?1) AND stored_at_ms >= ?2
       ORDER BY stored_at_ms DESC, message_id LIMIT ?3`,
      from ?? null,
      sinceMs ?? 0,
      limit,
    )
    .flatMap((row) => toMessage(row) ?? [])
}

/** @returns The message, or `undefined` if none of that id arrived. */
export function findMessage(vault: Vault, messageId: string): Message | undefined {
  const row = vault.get<MessageRow>(`SELECT ${COLUMNS} FROM inbox WHERE ${ARRIVED} AND message_id = ?`, messageId)
  return row && toMessage(row)
}

/**
 * Documents of one kind about an assignment (its own, or the one it targets), first stored first.
 *
 * @param about.from - Only of this sender: nobody else has a say in it.
 */
export function findDocuments<T extends DocumentTyp>(
  vault: Vault,
  typ: T,
  about: { assignmentId: string; from?: string | undefined } | { targetAssignmentId: string; from?: string | undefined },
): Message<T>[] {
  const [column, id] =
    'assignmentId' in about ? ['assignment_id', about.assignmentId] : ['target_assignment_id', about.targetAssignmentId]
  return vault
    .all<MessageRow>(
      `SELECT ${COLUMNS} FROM inbox WHERE ${ARRIVED} AND typ = ?1 AND ${column} = ?2 AND (?3 IS NULL OR from_id = ?3)
       ORDER BY stored_at_ms, message_id`,
      typ,
      id,
      about.from ?? null,
    )
    .flatMap((row) => (toMessage(row) as Message<T> | undefined) ?? [])
}

/** Move a message on; it never goes back. */
export function markMessage(vault: Vault, messageId: string, state: 'opened' | 'acted'): void {
  const before = state === 'opened' ? "('stored')" : "('stored', 'opened')"
  vault.run(
    `UPDATE inbox SET state = ?, receipt_due = CASE WHEN ${RECEIPTED} THEN 1 ELSE 0 END WHERE message_id = ? AND state IN ${before}`,
    state,
    messageId,
  )
}

/** How many drops were for this agent and worth nothing, by reason. */
export function countRejected(vault: Vault): Record<string, number> {
  const rows = vault.all<{ reason: string; count: number }>(
    "SELECT reason, count(*) AS count FROM inbox WHERE state = 'rejected' AND reason <> 'cover' GROUP BY reason",
  )
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]))
}

function toMessage(row: MessageRow): Message | undefined {
  const { typ } = row
  const document = isDocumentTyp(typ) ? readDocument(typ, row.doc) : null
  if (!isDocumentTyp(typ) || document === null) return undefined
  const { message_id: messageId, from_id: from, sent_at_ms: sentAtMs, state, doc_hash: hash } = row
  return { messageId, from, typ, sentAtMs, state, document, hash, isClaimed: row.claimed === 1 }
}
