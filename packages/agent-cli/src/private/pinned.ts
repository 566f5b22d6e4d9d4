import type { SignedCard } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { CliError } from '../agent/cli-error.ts'
import type { Vault } from './vault.ts'

/** An agent whose identity key this machine has seen and holds on to. */
export interface PinnedContact {
  readonly agentId: string
  /** Ed25519, 32 bytes. */
  readonly signKey: Uint8Array
  readonly fingerprint: string
  readonly name: string
  readonly card: SignedCard
  /** Its newest live X25519 key, 32 bytes; absent if none was seen that is still good. */
  readonly prekey?: Uint8Array
  readonly prekeyExpiresAtMs?: number
  /** Its owner has said that this key is not to be trusted any more: nothing is sealed to it. */
  readonly isRevoked: boolean
  /** Compared by people over another channel. */
  readonly isVerified: boolean
  /** Known from a drop alone: whoever made the key says that it is of this agent, and nobody else does. */
  readonly isClaimed: boolean
}

export interface ContactRow {
  agent_id: string
  sign_key: Uint8Array
  name: string
  seq: number
  card_bytes: string
  card_signature: string
  prekey: Uint8Array | null
  prekey_issued_at_ms: number | null
  prekey_expires_at_ms: number | null
  verified: number
  claimed: number
}

/** @returns the pinned contact, or `undefined` for an agent never seen. Its prekey is left out once it is no longer live at `nowMs`. */
export function findContact(vault: Vault, agentId: string, nowMs: number): PinnedContact | undefined {
  const row = findRow(vault, agentId)
  return row && toContact(row, nowMs)
}

/** @throws CliError `not_found` for an agent never seen. */
export function getContact(vault: Vault, agentId: string, nowMs: number): PinnedContact {
  const contact = findContact(vault, agentId, nowMs)
  if (!contact)
    throw new CliError('not_found', 'no such contact on this machine', { hint: `see it first: \`agents show ${agentId}\`` })
  return contact
}

/** Every pinned contact, by id. */
export function listContacts(vault: Vault, nowMs: number): PinnedContact[] {
  return vault.all<ContactRow>('SELECT * FROM contacts ORDER BY agent_id').map((row) => toContact(row, nowMs))
}

/** A row as it is stored; `private/contacts.ts` writes it. */
export function findRow(vault: Vault, agentId: string): ContactRow | undefined {
  return vault.get<ContactRow>('SELECT * FROM contacts WHERE agent_id = ?', agentId)
}

function toContact(row: ContactRow, nowMs: number): PinnedContact {
  const isLive = row.prekey !== null && row.prekey_expires_at_ms !== null && row.prekey_expires_at_ms > nowMs
  return {
    agentId: row.agent_id,
    signKey: row.sign_key,
    fingerprint: fingerprint(row.sign_key),
    name: row.name,
    card: { cardBytes: row.card_bytes, signature: row.card_signature },
    ...(isLive &&
      row.prekey &&
      row.prekey_expires_at_ms !== null && { prekey: row.prekey, prekeyExpiresAtMs: row.prekey_expires_at_ms }),
    isRevoked: isRevokedRow(row),
    isVerified: row.verified === 1,
    isClaimed: row.claimed === 1,
  }
}

/** Whether the card of a row ended its key. */
export function isRevokedRow({ card_bytes }: ContactRow): boolean {
  return (JSON.parse(Buffer.from(card_bytes, 'base64url').toString('utf8')) as { status?: unknown }).status === 'revoked'
}
