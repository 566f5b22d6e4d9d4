import {
  fromBase64url,
  PREKEY_DESTROY_AFTER_EXPIRY_MS,
  PREKEY_LIFETIME_MS,
  PREKEY_RENEW_AFTER_MS,
  prekeyBytes,
  type SignedPrekey,
  toBase64url,
} from '@agent-marketplace/protocol'
import { generatePrekey, type X25519Pair } from '@agent-marketplace/protocol/sealing'
import { sign } from '@agent-marketplace/protocol/signing'
import { isSignedPrekey } from '@agent-marketplace/protocol/statements'
import type { Keyring } from './keyring.ts'
import type { Vault } from './vault.ts'

/** An own prekey others may still seal to. */
export interface LivePrekey extends X25519Pair {
  readonly expiresAtMs: number
}

interface PrekeyRow {
  prekey: Uint8Array
  secret: Uint8Array
  signed: string
  issued_at_ms: number
  expires_at_ms: number
  is_published: number
}

/**
 * The own prekey that others should seal to from now on: the newest of this identity key, or a fresh one if that is older than 7 days.
 * A fresh one is in the vault, with its secret, before this returns.
 */
export function currentPrekey(vault: Vault, keyring: Keyring, nowMs: number): { signed: SignedPrekey; isPublished: boolean } {
  destroyExpired(vault, nowMs)
  return vault.transaction(() => {
    // After a change of key the ones before still open what was sealed to them, but nobody is to be shown them.
    const newest = vault
      .all<PrekeyRow>('SELECT * FROM prekeys ORDER BY issued_at_ms DESC')
      .find((row) => isSignedPrekey(JSON.parse(row.signed) as SignedPrekey, toBase64url(keyring.signKey.publicKey)))
    const isYoung = newest && nowMs - newest.issued_at_ms < PREKEY_RENEW_AFTER_MS
    if (isYoung) return { signed: JSON.parse(newest.signed) as SignedPrekey, isPublished: newest.is_published === 1 }
    return { signed: makePrekey(vault, keyring, nowMs), isPublished: false }
  })
}

/** Take secret halves that are past their time off the disk: the row is overwritten, and the journal that may hold an older page is emptied. */
function destroyExpired(vault: Vault, nowMs: number): void {
  const { changes } = vault.run('DELETE FROM prekeys WHERE expires_at_ms <= ?', nowMs - PREKEY_DESTROY_AFTER_EXPIRY_MS)
  if (changes > 0) vault.run('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** Destroy every own prekey: they belong to an identity that never was. */
export function destroyPrekeys(vault: Vault): void {
  vault.run('DELETE FROM prekeys')
}

/** Note that the platform hands this prekey out. */
export function markPublished(vault: Vault, prekey: SignedPrekey): void {
  vault.run('UPDATE prekeys SET is_published = 1 WHERE signed = ?', JSON.stringify(prekey))
}

/** The own prekeys a drop may still be sealed to: until 7 days after their expiry. */
export function livePrekeys(vault: Vault, nowMs: number): LivePrekey[] {
  return vault
    .all<PrekeyRow>(
      'SELECT * FROM prekeys WHERE expires_at_ms > ? ORDER BY issued_at_ms DESC',
      nowMs - PREKEY_DESTROY_AFTER_EXPIRY_MS,
    )
    .map((row) => ({ publicKey: row.prekey, secretKey: row.secret, expiresAtMs: row.expires_at_ms }))
}

/** The live prekeys as they were published, with their secret halves. */
export function listPrekeys(vault: Vault, nowMs: number): { signed: SignedPrekey; secretKey: Uint8Array }[] {
  return vault
    .all<PrekeyRow>('SELECT * FROM prekeys WHERE expires_at_ms > ?', nowMs - PREKEY_DESTROY_AFTER_EXPIRY_MS)
    .map((row) => ({ signed: JSON.parse(row.signed) as SignedPrekey, secretKey: row.secret }))
}

/** Keep a prekey of a backup: it opens what was sealed to it, and is never published again (its time of issue is none). */
export function keepRestoredPrekey(vault: Vault, signed: SignedPrekey, secretKey: Uint8Array): void {
  vault.run(
    'INSERT OR IGNORE INTO prekeys (prekey, secret, signed, issued_at_ms, expires_at_ms, is_published) VALUES (?, ?, ?, 0, ?, 1)',
    fromBase64url(signed.prekey) ?? new Uint8Array(),
    secretKey,
    JSON.stringify(signed),
    signed.expiresAtMs,
  )
}

/** Never show the prekeys made up to now to anybody again; they still open what was sealed to them. */
export function retirePrekeys(vault: Vault): void {
  vault.run('UPDATE prekeys SET issued_at_ms = 0')
}

/** Issue time of the newest own prekey, ms; `undefined` if there is none. */
export function newestPrekeyAtMs(vault: Vault): number | undefined {
  return vault.get<{ at: number | null }>('SELECT max(issued_at_ms) AS at FROM prekeys')?.at ?? undefined
}

function makePrekey(vault: Vault, keyring: Keyring, nowMs: number): SignedPrekey {
  const pair = generatePrekey()
  const unsigned = {
    agentId: keyring.agentId,
    prekey: toBase64url(pair.publicKey),
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + PREKEY_LIFETIME_MS,
  }
  const signed = { ...unsigned, signature: toBase64url(sign('prekey', prekeyBytes(unsigned), keyring.signKey.secretKey)) }
  vault.run(
    'INSERT INTO prekeys (prekey, secret, signed, issued_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
    pair.publicKey,
    pair.secretKey,
    JSON.stringify(signed),
    unsigned.issuedAtMs,
    unsigned.expiresAtMs,
  )
  return signed
}
