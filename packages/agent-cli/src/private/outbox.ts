import type { RelayTtl } from '@agent-marketplace/protocol'
import {
  type DocumentOf,
  type DocumentTyp,
  documentHash,
  isDocumentTyp,
  readDocument,
  type SealedDrop,
} from '@agent-marketplace/protocol/sealing'
import { toMessageId } from './message-id.ts'
import type { Vault } from './vault.ts'

/** What a drop that says nothing carries in the place of the `typ` of a document. */
export const COVER_TYP = 'cover'

/** A drop sealed and about to be kept for sending. */
export interface OutgoingDrop {
  /** What it is sent for, such as `work.key asg_… 1 bob`: there is one drop for each purpose. */
  readonly purpose: string
  readonly to: string
  readonly typ: DocumentTyp | typeof COVER_TYP
  readonly assignmentId?: string | undefined
  /** The document, whole; what travels in the drop when there is no `spillKey`. */
  readonly doc: Uint8Array
  /** Key of the artifact that carries the document when it does not fit a drop. */
  readonly spillKey?: Uint8Array | undefined
  readonly drop: SealedDrop
  /** Public half of the identity key that signed it, 32 bytes. */
  readonly signKey: Uint8Array
  readonly ttl: RelayTtl
  /** Not sent before, whoever is waiting. */
  readonly holdUntilMs: number
  /** Not sent before these uploads have left the spool. */
  readonly uploadIds?: readonly number[]
}

/** A drop the relay does not have yet, as far as we know. */
export interface UnsentDrop {
  readonly messageId: string
  readonly to: string
  readonly typ: string
  readonly slotId: Uint8Array
  readonly deleteHash: Uint8Array
  readonly record: Uint8Array
  readonly body: Uint8Array
  readonly doc: Uint8Array
  readonly spillKey: Uint8Array | undefined
  readonly ttl: RelayTtl
  readonly tries: number
  /** The key that signed it was ended by a recovery: nobody would read it. */
  readonly isEnded: boolean
}

/** What was sent, or is about to be. */
export interface SentDocument<T extends DocumentTyp = DocumentTyp> {
  readonly messageId: string
  readonly to: string
  readonly document: DocumentOf<T>
  readonly hash: string
  readonly isSent: boolean
}

interface OutboxRow {
  message_id: string
  to_id: string
  typ: string
  doc: Uint8Array
  doc_hash: string
  spill_key: Uint8Array | null
  slot_id: Uint8Array
  delete_hash: Uint8Array
  record: Uint8Array
  body: Uint8Array | null
  ttl: RelayTtl
  state: string
  tries: number
  is_ended: number
}

/** Keep a sealed drop for sending, once for its purpose. @returns The id of the drop that is kept, which may be an earlier one. */
export function keepForSending(vault: Vault, outgoing: OutgoingDrop, nowMs: number): string {
  const { purpose, to, typ, assignmentId, doc, spillKey, drop, signKey, ttl, holdUntilMs, uploadIds = [] } = outgoing
  return vault.transaction(() => {
    const earlier = vault.get<{ message_id: string }>('SELECT message_id FROM outbox WHERE purpose = ?', purpose)
    if (earlier) return earlier.message_id
    const messageId = toMessageId(drop.slotId)
    vault.run(
      `INSERT INTO outbox (message_id, purpose, to_id, typ, assignment_id, doc, doc_hash, spill_key, slot_id, delete_hash, record, body, ttl,
         state, sealed_at_ms, due_at_ms, hold_until_ms, sign_key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sealed', ?, ?, ?, ?)`,
      messageId,
      purpose,
      to,
      typ,
      assignmentId ?? null,
      doc,
      documentHash(doc),
      spillKey ?? null,
      drop.slotId,
      drop.deleteHash,
      drop.record,
      drop.body,
      ttl,
      nowMs,
      holdUntilMs,
      holdUntilMs,
      signKey,
    )
    for (const uploadId of uploadIds) vault.run('INSERT INTO outbox_uploads VALUES (?, ?)', messageId, uploadId)
    return messageId
  })
}

/** A document of the outbox, or `undefined`. */
export function findOutgoing(vault: Vault, messageId: string): (SentDocument & { readonly typ: DocumentTyp }) | undefined {
  const row = vault.get<OutboxRow>('SELECT * FROM outbox WHERE message_id = ?', messageId)
  if (!row || !isDocumentTyp(row.typ)) return undefined
  const sent = toSent(row.typ, row)
  return sent && { ...sent, typ: row.typ }
}

/** What was sealed for a purpose, or `undefined`. */
export function findSent<T extends DocumentTyp>(vault: Vault, typ: T, purpose: string): SentDocument<T> | undefined {
  const row = vault.get<OutboxRow>('SELECT * FROM outbox WHERE typ = ? AND purpose = ?', typ, purpose)
  return row && toSent(typ, row)
}

/** The purpose under which the same document waits for being sent to the same agent, having been due before; or `undefined`. */
export function findUnsent(
  vault: Vault,
  { to, typ, hash }: { to: string; typ: DocumentTyp; hash: string },
  nowMs: number,
): string | undefined {
  return vault.get<{ purpose: string }>(
    "SELECT purpose FROM outbox WHERE state = 'sealed' AND to_id = ? AND typ = ? AND doc_hash = ? AND hold_until_ms <= ? LIMIT 1",
    to,
    typ,
    hash,
    nowMs,
  )?.purpose
}

/** All documents of one kind sealed about an assignment. */
export function listSent<T extends DocumentTyp>(vault: Vault, typ: T, assignmentId: string): SentDocument<T>[] {
  return vault
    .all<OutboxRow>(
      'SELECT * FROM outbox WHERE typ = ? AND assignment_id = ? ORDER BY sealed_at_ms, message_id',
      typ,
      assignmentId,
    )
    .flatMap((row) => toSent(typ, row) ?? [])
}

/** Assignments about which a document of this kind was sealed after `sinceMs`. */
export function assignmentsWith(vault: Vault, typ: DocumentTyp, sinceMs: number): string[] {
  return vault
    .all<{ id: string }>(
      'SELECT DISTINCT assignment_id AS id FROM outbox WHERE typ = ? AND sealed_at_ms > ? AND assignment_id IS NOT NULL',
      typ,
      sinceMs,
    )
    .map(({ id }) => id)
}

/**
 * Drops to send now, in the order in which they come due. One that leads to files waits until they have left the spool.
 *
 * @param evenAfterFailure - Also those that rest because the relay did not take them; never those that are held.
 */
export function dueDrops(vault: Vault, nowMs: number, { evenAfterFailure = false } = {}): UnsentDrop[] {
  return vault
    .all<OutboxRow>(
      `SELECT *, sign_key IN (SELECT sign_key FROM ended_keys) AS is_ended FROM outbox
       WHERE state = 'sealed' AND due_at_ms <= ?1 AND hold_until_ms <= ?2 AND NOT EXISTS
         (SELECT 1 FROM outbox_uploads JOIN uploads USING (upload_id) WHERE message_id = outbox.message_id AND spooled = 1)
       ORDER BY hold_until_ms, sealed_at_ms, message_id`,
      evenAfterFailure ? Number.MAX_SAFE_INTEGER : nowMs,
      nowMs,
    )
    .flatMap((row) => (row.body ? [toUnsent(row, row.body)] : []))
}

/** When the next drop is due, or the next file, ms; `undefined` if none waits. */
export function nextDueAtMs(vault: Vault): number | undefined {
  const sql = `SELECT min(at) AS at FROM (SELECT due_at_ms AS at FROM outbox WHERE state = 'sealed'
     UNION ALL SELECT hold_until_ms FROM uploads WHERE spooled = 1)`
  return vault.get<{ at: number | null }>(sql)?.at ?? undefined
}

/** How the sending of a drop stands. */
export interface Sending {
  readonly state: 'sealed' | 'sent' | 'refused'
  readonly holdUntilMs: number
}

/** @returns `undefined` for a drop that was never sealed here. */
export function findSending(vault: Vault, messageId: string): Sending | undefined {
  return vault.get<Sending>('SELECT state, hold_until_ms AS holdUntilMs FROM outbox WHERE message_id = ?', messageId)
}

/** The relay has it. The document stays, as half of a signed chain; the sealed bytes go. */
export function markSent(vault: Vault, messageId: string, nowMs: number): void {
  vault.run(
    "UPDATE outbox SET state = 'sent', body = NULL, sent_at_ms = ? WHERE message_id = ? AND state = 'sealed'",
    nowMs,
    messageId,
  )
}

/** A recovery ended an own key, and with it those before: what they signed and is not sent has to be signed again. Cover is not missed. */
export function endDropsOf(vault: Vault, signKey: Uint8Array): void {
  vault.run("DELETE FROM outbox WHERE typ = ? AND state = 'sealed'", COVER_TYP)
  vault.run("UPDATE outbox SET sign_key = ? WHERE sign_key IS NULL AND state = 'sealed'", signKey)
  vault.run("INSERT OR IGNORE INTO ended_keys SELECT sign_key FROM outbox WHERE state = 'sealed' UNION SELECT ?", signKey)
}

/** Put a drop sealed anew in the place of one that was not sent. It stays the message it was, for whoever sent it. */
export function replaceDrop(
  vault: Vault,
  { messageId, slotId: was }: Pick<UnsentDrop, 'messageId' | 'slotId'>,
  { drop, signKey }: Pick<OutgoingDrop, 'drop' | 'signKey'>,
): void {
  vault.run(
    `UPDATE outbox SET slot_id = ?, delete_hash = ?, record = ?, body = ?, sign_key = ?, tries = 0
     WHERE message_id = ? AND slot_id = ? AND state = 'sealed'`,
    ...[drop.slotId, drop.deleteHash, drop.record, drop.body, signKey, messageId, was],
  )
}

/** Cover leaves nothing behind. */
export function forgetSentCover(vault: Vault): void {
  vault.run("DELETE FROM outbox WHERE typ = ? AND state <> 'sealed'", COVER_TYP)
}

/** The relay will never take it. */
export function markRefused(vault: Vault, messageId: string): void {
  vault.run("UPDATE outbox SET state = 'refused', body = NULL WHERE message_id = ? AND state = 'sealed'", messageId)
}

/** The relay did not answer: send the same bytes again later. */
export function postponeDrop(vault: Vault, messageId: string, dueAtMs: number): void {
  vault.run("UPDATE outbox SET due_at_ms = ?, tries = tries + 1 WHERE message_id = ? AND state = 'sealed'", dueAtMs, messageId)
}

function toUnsent(row: OutboxRow, body: Uint8Array): UnsentDrop {
  return {
    messageId: row.message_id,
    to: row.to_id,
    typ: row.typ,
    slotId: row.slot_id,
    deleteHash: row.delete_hash,
    record: row.record,
    body,
    doc: row.doc,
    spillKey: row.spill_key ?? undefined,
    ttl: row.ttl,
    tries: row.tries,
    isEnded: row.is_ended === 1,
  }
}

function toSent<T extends DocumentTyp>(typ: T, row: OutboxRow): SentDocument<T> | undefined {
  const document = readDocument(typ, row.doc)
  return document === null
    ? undefined
    : { messageId: row.message_id, to: row.to_id, document, hash: row.doc_hash, isSent: row.state === 'sent' }
}
