import {
  type AgentCard,
  type Contact,
  fromBase64url,
  PREKEY_LIFETIME_MS,
  SESSION_CLOCK_SKEW_MS,
  type SignedCard,
  type SignedPrekey,
} from '@agent-marketplace/protocol'
import { isSignedPrekey, openCard } from '@agent-marketplace/protocol/statements'
import { CliError } from '../agent/cli-error.ts'
import { type KeyConflict, keepConflict } from './key-conflicts.ts'
import { type ContactRow, findRow, getContact, isRevokedRow, type PinnedContact } from './pinned.ts'
import type { Vault } from './vault.ts'

export { findContact, type PinnedContact } from './pinned.ts'

const NOTHING_SENT = 'nothing was sent'

/**
 * Hold on to the identity key of an agent that the platform shows, at first sight, and keep its newest card and live prekey from then on. A revoked
 * card is the last of its key: none after it counts. A key that was only claimed is pinned by being shown.
 *
 * @throws CliError `key_changed` (exit 8) if another key is pinned or claimed: both cards are kept as evidence and nothing else changes.
 * @throws CliError `key_changed` too if the card or the prekey is not signed by the key of the card: whoever handed it out made it up.
 */
export function pin(vault: Vault, contact: Contact, nowMs: number): PinnedContact {
  const { agentId, prekey } = contact
  const card = getCard(contact)
  const isKnownKey = vault.transaction(() => {
    const known = findRow(vault, agentId)
    if (!keepCard(vault, { known, card, signed: contact.card, source: 'platform' }, nowMs)) return false
    vault.run('UPDATE contacts SET claimed = 0 WHERE agent_id = ?', agentId)
    if (prekey) upsertPrekey(vault, prekey, { agentId, nowMs })
    return true
  })
  if (!isKnownKey) throw keyChanged(agentId)
  return getContact(vault, agentId, nowMs)
}

/**
 * Hold on to the key of a card that a drop brought, until the platform shows the agent's card: an id is the sender's claim up to then.
 *
 * @throws CliError `key_changed` if another key is known, claimed or pinned: both cards are kept as evidence and nothing else changes.
 */
export function pinClaim(vault: Vault, { agentId, card: signed }: Omit<Contact, 'prekey'>, nowMs: number): PinnedContact {
  const card = getCard({ agentId, card: signed })
  const isKnownKey = vault.transaction(() => {
    const known = findRow(vault, agentId)
    const isKept = keepCard(vault, { known, card, signed, source: 'message' }, nowMs)
    if (!known) vault.run('UPDATE contacts SET claimed = 1 WHERE agent_id = ?', agentId)
    return isKept
  })
  if (!isKnownKey) throw keyChanged(agentId)
  return getContact(vault, agentId, nowMs)
}

/**
 * Read the card, and the prekey, that are shown for an agent without pinning it.
 *
 * @throws CliError `key_changed` if they are not genuine, or of another key than the pinned one: then both cards are kept as evidence.
 */
export function confirmCard(vault: Vault, contact: Contact, nowMs: number): AgentCard {
  const { agentId } = contact
  const card = getCard(contact)
  const known = findRow(vault, agentId)
  if (known && known.claimed === 0 && !isKeyOf(known, card)) {
    keepConflict(vault, known, { shown: contact.card, source: 'platform' }, nowMs)
    throw keyChanged(agentId)
  }
  return card
}

/** The pinned contact whose key this card does not name; `undefined` if it is the pinned one, or nothing is pinned, or it is not genuine. */
export function findOtherKey(vault: Vault, agentId: string, shown: SignedCard): ContactRow | undefined {
  const known = findRow(vault, agentId)
  const card = openCard(shown, agentId)
  return known && card && !isKeyOf(known, card) ? known : undefined
}

/**
 * Put a card under another key in place of the pinned one. Whoever calls this knows why: a chain of rotations leads there, or the user says so.
 * The prekey of the old key and the mark of having been compared go.
 */
export function repin(vault: Vault, agentId: string, signed: SignedCard, nowMs: number): void {
  vault.run('DELETE FROM contacts WHERE agent_id = ?', agentId)
  upsertCard(vault, getCard({ agentId, card: signed }), signed, nowMs)
}

/** Note that people have compared the safety number of this contact over another channel. */
export function markVerified(vault: Vault, agentId: string): void {
  vault.run('UPDATE contacts SET verified = 1, claimed = 0 WHERE agent_id = ?', agentId)
}

/** Keep a first card, or a newer one of the known key. @returns `false` for another key: both cards are kept as evidence. */
function keepCard(
  vault: Vault,
  {
    known,
    card,
    signed,
    source,
  }: { known: ContactRow | undefined; card: AgentCard; signed: SignedCard } & Pick<KeyConflict, 'source'>,
  nowMs: number,
): boolean {
  if (known && !isKeyOf(known, card)) {
    keepConflict(vault, known, { shown: signed, source }, nowMs)
    return false
  }
  if (!known || (card.seq > known.seq && !isRevokedRow(known))) upsertCard(vault, card, signed, nowMs)
  return true
}

function getCard({ agentId, card: signed, prekey }: Contact): AgentCard {
  const card = openCard(signed, agentId)
  if (!card) throw madeUp(`the card shown for ${agentId} is not signed by the key it names`)
  if (prekey && !isSignedPrekey(prekey, card.signKey))
    throw madeUp(`the prekey shown for ${agentId} is not signed by the key of its card`)
  return card
}

function madeUp(message: string): CliError {
  return new CliError('key_changed', message, { hint: NOTHING_SENT })
}

function isKeyOf(known: ContactRow, card: AgentCard): boolean {
  return Buffer.from(known.sign_key).equals(bytesOf(card.signKey))
}

function keyChanged(agentId: string): CliError {
  return new CliError('key_changed', `${agentId} now shows another identity key than the one pinned on this machine`, {
    hint: `${NOTHING_SENT}; both cards are kept. Compare with ${agentId} over another channel, then \`contacts trust ${agentId}\``,
  })
}

function upsertCard(vault: Vault, card: AgentCard, signed: SignedCard, nowMs: number): void {
  vault.run(
    `INSERT INTO contacts (agent_id, sign_key, name, seq, card_bytes, card_signature, pinned_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (agent_id) DO UPDATE SET name = excluded.name, seq = excluded.seq,
       card_bytes = excluded.card_bytes, card_signature = excluded.card_signature`,
    card.agentId,
    bytesOf(card.signKey),
    card.name,
    card.seq,
    signed.cardBytes,
    signed.signature,
    nowMs,
  )
}

/** Whether a signed prekey is of this agent, neither expired nor of the future, and lives no longer than prekeys do. */
export function isLivePrekey({ agentId, issuedAtMs, expiresAtMs }: SignedPrekey, of: string, nowMs: number): boolean {
  const isInForce = issuedAtMs <= nowMs + SESSION_CLOCK_SKEW_MS && expiresAtMs > nowMs
  return agentId === of && isInForce && expiresAtMs - issuedAtMs <= PREKEY_LIFETIME_MS
}

/** A prekey that is not live is left aside: the one known before stays. */
function upsertPrekey(vault: Vault, prekey: SignedPrekey, at: { agentId: string; nowMs: number }): void {
  const { issuedAtMs, expiresAtMs } = prekey
  if (!isLivePrekey(prekey, at.agentId, at.nowMs)) return
  vault.run(
    `UPDATE contacts SET prekey = ?, prekey_issued_at_ms = ?, prekey_expires_at_ms = ?
     WHERE agent_id = ? AND coalesce(prekey_issued_at_ms, -1) < ?`,
    bytesOf(prekey.prekey),
    issuedAtMs,
    expiresAtMs,
    at.agentId,
    issuedAtMs,
  )
}

function bytesOf(base64url: string): Uint8Array {
  return fromBase64url(base64url) ?? new Uint8Array()
}
