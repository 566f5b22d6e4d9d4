import type { AgentStatus, Contact, SignedPrekey } from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer, text } from '../storage/row.ts'
import type { KnownIdentity, VerifiedCard } from './rules.ts'

export interface AgentRow extends KnownIdentity {
  readonly agentId: string
  readonly status: AgentStatus
  readonly role: 'agent' | 'operator'
  readonly trustTier: number
  readonly cardSignature: Uint8Array
}

export async function findAgent(reader: Reader, agentId: string): Promise<AgentRow | undefined> {
  const row = await reader.get('SELECT * FROM agents WHERE agent_id = $1', [agentId])
  return row && parseAgent(row)
}

/** @returns `false` if the id was taken meanwhile: nothing was written. */
export async function insertAgent(
  tx: Tx,
  { card, signKey, cardBytes, signature }: VerifiedCard,
  { status, role, atMs }: { status: AgentStatus; role: 'agent' | 'operator'; atMs: number },
): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO agents (agent_id, status, role, trust_tier, sign_key, card_seq, card_bytes, card_signature, registered_at_ms)
     VALUES ($1, $2, $3, 2, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [card.agentId, status, role, signKey, card.seq, cardBytes, signature, atMs],
  )
  return changed === 1
}

/** Replace the card of an agent if the stored one still is the one that was read. @returns `false` if it is not: nothing was written. */
export async function updateCard(tx: Tx, { card, cardBytes, signature }: VerifiedCard): Promise<boolean> {
  const changed = await tx.run(
    'UPDATE agents SET card_seq = $2, card_bytes = $3, card_signature = $4 WHERE agent_id = $1 AND card_seq = $2 - 1',
    [card.agentId, card.seq, cardBytes, signature],
  )
  return changed === 1
}

export async function updateStatus(tx: Tx, agentId: string, from: AgentStatus, to: AgentStatus): Promise<boolean> {
  return (await tx.run('UPDATE agents SET status = $3 WHERE agent_id = $1 AND status = $2', [agentId, from, to])) === 1
}

export async function upsertPrekey(tx: Tx, prekey: SignedPrekey): Promise<void> {
  await tx.run(
    `INSERT INTO prekeys (agent_id, prekey, issued_at_ms, expires_at_ms, signature) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (agent_id) DO UPDATE SET prekey = excluded.prekey, issued_at_ms = excluded.issued_at_ms,
       expires_at_ms = excluded.expires_at_ms, signature = excluded.signature
     WHERE prekeys.issued_at_ms < excluded.issued_at_ms`,
    [prekey.agentId, raw(prekey.prekey), prekey.issuedAtMs, prekey.expiresAtMs, raw(prekey.signature)],
  )
}

export async function findPrekeyExpiry(reader: Reader, agentId: string): Promise<number | undefined> {
  const row = await reader.get('SELECT expires_at_ms FROM prekeys WHERE agent_id = $1', [agentId])
  return row && integer(row, 'expires_at_ms')
}

/** @returns `false` if this nonce was used before. */
export async function insertNonce(tx: Tx, agentId: string, nonce: string, expiresAtMs: number): Promise<boolean> {
  const changed = await tx.run(
    'INSERT INTO login_nonces (agent_id, nonce, expires_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [agentId, raw(nonce), expiresAtMs],
  )
  return changed === 1
}

/** Add a session; the oldest ones beyond `max` end. */
export async function insertSession(
  tx: Tx,
  { tokenHash, agentId, expiresAtMs, max }: { tokenHash: Uint8Array; agentId: string; expiresAtMs: number; max: number },
): Promise<void> {
  await tx.run('INSERT INTO login_sessions (token_hash, agent_id, expires_at_ms) VALUES ($1, $2, $3)', [
    tokenHash,
    agentId,
    expiresAtMs,
  ])
  await tx.run(
    `DELETE FROM login_sessions WHERE agent_id = $1 AND token_hash NOT IN
       (SELECT token_hash FROM login_sessions WHERE agent_id = $1 ORDER BY expires_at_ms DESC LIMIT $2)`,
    [agentId, max],
  )
}

export async function findSession(
  reader: Reader,
  tokenHash: Uint8Array,
): Promise<(AgentRow & { expiresAtMs: number }) | undefined> {
  const row = await reader.get(
    'SELECT a.*, s.expires_at_ms FROM login_sessions s JOIN agents a ON a.agent_id = s.agent_id WHERE s.token_hash = $1',
    [tokenHash],
  )
  return row && { ...parseAgent(row), expiresAtMs: integer(row, 'expires_at_ms') }
}

export async function deleteSessionsOf(tx: Tx, agentId: string): Promise<void> {
  await tx.run('DELETE FROM login_sessions WHERE agent_id = $1', [agentId])
}

export async function deleteExpiredLogins(tx: Tx, nowMs: number): Promise<number> {
  const sessions = await tx.run('DELETE FROM login_sessions WHERE expires_at_ms < $1', [nowMs])
  const nonces = await tx.run('DELETE FROM login_nonces WHERE expires_at_ms < $1', [nowMs])
  return sessions + nonces
}

/** Agents with an open assignment together with this one. */
export async function listCounterparties(reader: Reader, agentId: string): Promise<string[]> {
  const rows = await reader.all('SELECT counterparty_id FROM counterparties WHERE agent_id = $1', [agentId])
  return rows.map((row) => text(row, 'counterparty_id'))
}

/** @returns what others need to verify and seal to this agent; a prekey only while it lives. */
export async function findContact(reader: Reader, agentId: string, nowMs: number): Promise<Contact | undefined> {
  const row = await reader.get('SELECT * FROM agent_contacts WHERE agent_id = $1', [agentId])
  return row && parseContact(row, nowMs)
}

function parseAgent(row: Row): AgentRow {
  return {
    agentId: text(row, 'agent_id'),
    status: text(row, 'status') as AgentStatus,
    role: text(row, 'role') as AgentRow['role'],
    trustTier: integer(row, 'trust_tier'),
    signKey: bytes(row, 'sign_key'),
    cardSeq: integer(row, 'card_seq'),
    cardBytes: bytes(row, 'card_bytes'),
    cardSignature: bytes(row, 'card_signature'),
  }
}

function raw(base64url: string): Uint8Array {
  return Buffer.from(base64url, 'base64url')
}
