import type { AgentStatus, Contact } from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer, text } from '../storage/row.ts'
import type { KnownIdentity, VerifiedCard } from './card-rules.ts'

export interface AgentRow extends KnownIdentity {
  readonly agentId: string
  readonly status: AgentStatus
  readonly trustTier: number
  readonly cardSignature: Uint8Array
}

export async function findAgent(reader: Reader, agentId: string): Promise<AgentRow | undefined> {
  const row = await reader.get('SELECT * FROM agents WHERE agent_id = $1', [agentId])
  return row && parseAgent(row)
}

/**
 * Hold off everybody else who takes this lock, or changes the agent, until the transaction ends. Nothing is changed: the row is written as it is, which locks it on every engine.
 */
export async function lockAgent(tx: Tx, agentId: string): Promise<void> {
  await tx.run('UPDATE agents SET trust_tier = trust_tier WHERE agent_id = $1', [agentId])
}

/** @returns `false` if the id was taken meanwhile: nothing was written. */
export async function insertAgent(
  tx: Tx,
  { card, signKey, cardBytes, signature }: VerifiedCard,
  { status, atMs }: { status: AgentStatus; atMs: number },
): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO agents (agent_id, status, trust_tier, sign_key, card_seq, card_bytes, card_signature, registered_at_ms)
     VALUES ($1, $2, 2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [card.agentId, status, signKey, card.seq, cardBytes, signature, atMs],
  )
  return changed === 1
}

/** Replace the card of an agent, and its key, if the stored one still is the one that was read. @returns `false` if it is not: nothing was written. */
export async function updateCard(tx: Tx, { card, signKey, cardBytes, signature }: VerifiedCard): Promise<boolean> {
  const changed = await tx.run(
    'UPDATE agents SET sign_key = $3, card_seq = $2, card_bytes = $4, card_signature = $5 WHERE agent_id = $1 AND card_seq = $2 - 1',
    [card.agentId, card.seq, signKey, cardBytes, signature],
  )
  return changed === 1
}

/** @returns `false` if the agent is in another status: nothing was written. */
export async function updateStatus(tx: Tx, agentId: string, from: AgentStatus, to: AgentStatus): Promise<boolean> {
  return (await tx.run('UPDATE agents SET status = $3 WHERE agent_id = $1 AND status = $2', [agentId, from, to])) === 1
}

export async function updateTrustTier(tx: Tx, agentId: string, trustTier: number): Promise<void> {
  await tx.run('UPDATE agents SET trust_tier = $2 WHERE agent_id = $1', [agentId, trustTier])
}

export async function countByStatus(reader: Reader): Promise<Map<string, number>> {
  const rows = await reader.all('SELECT status, count(*) AS agents FROM agents GROUP BY status')
  return new Map(rows.map((row) => [text(row, 'status'), integer(row, 'agents')]))
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

export function parseStanding(row: Row): Pick<AgentRow, 'agentId' | 'status' | 'trustTier'> {
  return {
    agentId: text(row, 'agent_id'),
    status: text(row, 'status') as AgentStatus,
    trustTier: integer(row, 'trust_tier'),
  }
}

function parseAgent(row: Row): AgentRow {
  return {
    ...parseStanding(row),
    signKey: bytes(row, 'sign_key'),
    cardSeq: integer(row, 'card_seq'),
    cardBytes: bytes(row, 'card_bytes'),
    cardSignature: bytes(row, 'card_signature'),
  }
}
