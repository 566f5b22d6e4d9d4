import type { RelayTokenClass } from '@agent-marketplace/protocol'
import type { Vault } from './vault.ts'

/** The key that signs a token. `keyId` is the SHA-256 of the modulus, so a token never goes to a relay that knows another key. */
export interface TokenKeyName {
  readonly keyId: Uint8Array
  readonly tokenClass: RelayTokenClass
  /** When its tokens are good no longer. */
  readonly expiresAtMs: number
}

/** A token to be, as it goes out to be signed, and what turns the answer into a token. All secret but `blinded`. */
export interface Blind {
  /** 256 bytes, random to everybody else. */
  readonly blinded: Uint8Array
  readonly nonce: Uint8Array
  readonly randomizer: Uint8Array
  /** Takes the blinding away, 256 bytes. */
  readonly inverse: Uint8Array
}

/** Keep what is about to be sent: an answer that is lost can be asked for again. */
export function keepBlinds(vault: Vault, { keyId, expiresAtMs }: TokenKeyName, blinds: readonly Blind[]): void {
  vault.transaction(() => {
    for (const { blinded, nonce, randomizer, inverse } of blinds)
      vault.run('INSERT INTO relay_blinds VALUES (?, ?, ?, ?, ?, ?)', blinded, keyId, nonce, randomizer, inverse, expiresAtMs)
  })
}

export function findBlind(vault: Vault, blinded: Uint8Array): Blind | undefined {
  return vault.get<Blind>('SELECT blinded, nonce, randomizer, inverse FROM relay_blinds WHERE blinded = ?', blinded)
}

export function forgetBlinds(vault: Vault, blinded: readonly Uint8Array[]): void {
  vault.transaction(() => {
    for (const each of blinded) vault.run('DELETE FROM relay_blinds WHERE blinded = ?', each)
  })
}

/** Lay a token in stock in the place of what it was made from. */
export function keepToken(
  vault: Vault,
  { keyId, tokenClass, expiresAtMs }: TokenKeyName,
  token: Uint8Array,
  blinded: Uint8Array,
): void {
  vault.transaction(() => {
    vault.run('INSERT INTO relay_tokens VALUES (?, ?, ?, NULL, ?)', token, keyId, tokenClass, expiresAtMs)
    vault.run('DELETE FROM relay_blinds WHERE blinded = ?', blinded)
  })
}

/**
 * Take a token for a slot: the one this slot was paid with before, else a random one of the stock. It stays with the slot, so that whatever is
 * repeated after a failure shows the relay the same token again, and no token is ever shown for two slots, which would tell that both are of one agent.
 *
 * @returns `undefined` when the stock is empty.
 */
export function takeToken(vault: Vault, keyId: Uint8Array, slotId: Uint8Array): Uint8Array | undefined {
  const held = vault.get<{ token: Uint8Array }>('SELECT token FROM relay_tokens WHERE slot_id = ? AND key_id = ?', slotId, keyId)
  const taken =
    held ??
    vault.get<{ token: Uint8Array }>(
      `UPDATE relay_tokens SET slot_id = ?
       WHERE token = (SELECT token FROM relay_tokens WHERE key_id = ? AND slot_id IS NULL ORDER BY random() LIMIT 1) RETURNING token`,
      slotId,
      keyId,
    )
  return taken?.token
}

/** Forget a token: it is spent, or good for nothing. */
export function dropToken(vault: Vault, token: Uint8Array): void {
  vault.run('DELETE FROM relay_tokens WHERE token = ?', token)
}

/** How many tokens are in stock, of this epoch and the next. */
export function countTokens(vault: Vault, nowMs: number): Record<RelayTokenClass, number> {
  const rows = vault.all<{ class: RelayTokenClass; tokens: number }>(
    'SELECT class, count(*) AS tokens FROM relay_tokens WHERE slot_id IS NULL AND expires_at_ms > ? GROUP BY class',
    nowMs,
  )
  const of = (tokenClass: RelayTokenClass) => rows.find((row) => row.class === tokenClass)?.tokens ?? 0
  return { message: of('message'), part: of('part') }
}

/** Forget what belongs to epochs that are over. */
export function forgetExpiredTokens(vault: Vault, nowMs: number): void {
  vault.run('DELETE FROM relay_tokens WHERE expires_at_ms <= ?', nowMs)
  vault.run('DELETE FROM relay_blinds WHERE expires_at_ms <= ?', nowMs)
}
