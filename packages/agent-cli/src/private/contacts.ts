import {
  AgentCard,
  type Contact,
  fromBase64url,
  PREKEY_LIFETIME_MS,
  prekeyBytes,
  SESSION_CLOCK_SKEW_MS,
  type SignedCard,
  type SignedPrekey,
} from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import { CliError } from '../agent/cli-error.ts'
import { type ContactRow, findRow, getContact, type PinnedContact } from './pinned.ts'
import type { Vault } from './vault.ts'

export { findContact, type PinnedContact } from './pinned.ts'

/**
 * Verify a card: the signature by the key it names, then its shape, then that it is of the agent it is shown for.
 *
 * @returns `undefined` for anything else than a genuine card of `agentId`.
 */
export function openCard(agentId: string, signed: SignedCard): AgentCard | undefined {
  const bytes = fromBase64url(signed.cardBytes)
  const signature = fromBase64url(signed.signature)
  const signKey = bytes && fromBase64url(claimedKey(bytes))
  if (!bytes || !signature || !signKey || !verify('card', bytes, signature, signKey)) return undefined
  const parsed = AgentCard.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  return parsed.success && parsed.data.agentId === agentId ? parsed.data : undefined
}

/**
 * Hold on to the identity key of an agent at first sight, and keep its newest card and live prekey from then on.
 *
 * @throws CliError `key_changed` (exit 8) if another key is pinned: both cards are kept as evidence and nothing else changes.
 * @throws CliError `key_changed` too if the card is not genuine: whoever handed it out made it up.
 */
export function pin(vault: Vault, contact: Contact, nowMs: number): PinnedContact {
  const { agentId } = contact
  const card = getCard(agentId, contact.card)
  const isKnownKey = vault.transaction(() => {
    const known = findRow(vault, agentId)
    if (known && !isKeyOf(known, card)) {
      keepEvidence(vault, known, contact.card, nowMs)
      return false
    }
    if (!known || card.seq > known.seq) upsertCard(vault, card, contact.card, nowMs)
    if (contact.prekey) upsertPrekey(vault, card.signKey, contact.prekey, { agentId, nowMs })
    return true
  })
  if (!isKnownKey) throw keyChanged(agentId)
  return getContact(vault, agentId, nowMs)
}

/**
 * Read the card shown for an agent without pinning it.
 *
 * @throws CliError `key_changed` if it is not genuine, or names another key than the pinned one.
 */
export function confirmCard(vault: Vault, agentId: string, signed: SignedCard): AgentCard {
  const card = getCard(agentId, signed)
  const known = findRow(vault, agentId)
  if (known && !isKeyOf(known, card)) throw keyChanged(agentId)
  return card
}

function getCard(agentId: string, signed: SignedCard): AgentCard {
  const card = openCard(agentId, signed)
  if (!card) throw new CliError('key_changed', `the card shown for ${agentId} is not signed by the key it names`)
  return card
}

function isKeyOf(known: ContactRow, card: AgentCard): boolean {
  return Buffer.from(known.sign_key).equals(bytesOf(card.signKey))
}

function keyChanged(agentId: string): CliError {
  return new CliError('key_changed', `${agentId} now shows another identity key than the one pinned on this machine`, {
    hint: `nothing was sent; compare with ${agentId} over another channel, then \`contacts trust ${agentId}\``,
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

/** A prekey that does not verify or is not live is left aside: the one known before stays. */
function upsertPrekey(vault: Vault, signKey: string, prekey: SignedPrekey, at: { agentId: string; nowMs: number }): void {
  const { issuedAtMs, expiresAtMs } = prekey
  const isLive =
    issuedAtMs <= at.nowMs + SESSION_CLOCK_SKEW_MS && expiresAtMs > at.nowMs && expiresAtMs - issuedAtMs <= PREKEY_LIFETIME_MS
  if (prekey.agentId !== at.agentId || !isLive) return
  if (!verify('prekey', prekeyBytes(prekey), bytesOf(prekey.signature), bytesOf(signKey))) return
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

function keepEvidence(vault: Vault, known: ContactRow, shown: SignedCard, nowMs: number): void {
  vault.run(
    'INSERT OR IGNORE INTO key_conflicts VALUES (?, ?, ?, ?, ?, ?)',
    known.agent_id,
    shown.cardBytes,
    shown.signature,
    known.card_bytes,
    known.card_signature,
    nowMs,
  )
}

/** The key a card names, before anything of it is believed. */
function claimedKey(cardBytes: Uint8Array): string {
  try {
    const card = JSON.parse(Buffer.from(cardBytes).toString('utf8')) as { signKey?: unknown } | null
    return typeof card?.signKey === 'string' ? card.signKey : ''
  } catch {
    return ''
  }
}

function bytesOf(base64url: string): Uint8Array {
  return fromBase64url(base64url) ?? new Uint8Array()
}
