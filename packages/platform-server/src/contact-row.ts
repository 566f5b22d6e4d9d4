import { type Contact, toBase64url } from '@agent-marketplace/protocol'
import type { Row } from './storage/database.ts'
import { bytes, maybeInteger, text } from './storage/row.ts'

/** Parse a row of the view `agent_contacts`: the card, and the prekey while it lives. */
export function parseContact(row: Row, nowMs: number): Contact {
  const agentId = text(row, 'agent_id')
  const card = { cardBytes: toBase64url(bytes(row, 'card_bytes')), signature: toBase64url(bytes(row, 'card_signature')) }
  const issuedAtMs = maybeInteger(row, 'prekey_issued_at_ms')
  const expiresAtMs = maybeInteger(row, 'prekey_expires_at_ms')
  if (issuedAtMs === undefined || expiresAtMs === undefined || expiresAtMs <= nowMs) return { agentId, card }
  const prekey = toBase64url(bytes(row, 'prekey'))
  return {
    agentId,
    card,
    prekey: { agentId, prekey, issuedAtMs, expiresAtMs, signature: toBase64url(bytes(row, 'prekey_signature')) },
  }
}
