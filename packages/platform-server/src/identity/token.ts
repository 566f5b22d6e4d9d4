import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PREFIXES = { session: 'amk_ses_', invite: 'amk_inv_' } as const
const SECRET_CHARS = 32
const CHECK_CHARS = 6

export type TokenKind = keyof typeof PREFIXES

/** @returns a fresh secret: its prefix, 32 base62 characters (190 bits) and 6 of their CRC32, so that a scanner can tell a token from noise. */
export function makeToken(kind: TokenKind): string {
  const secret = Array.from({ length: SECRET_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return PREFIXES[kind] + secret + checkOf(secret)
}

/** @returns whether a text has the form of a token of this kind, check included. */
export function isToken(kind: TokenKind, text: string): boolean {
  const prefix = PREFIXES[kind]
  if (text.length !== prefix.length + SECRET_CHARS + CHECK_CHARS || !text.startsWith(prefix)) return false
  const secret = text.slice(prefix.length, prefix.length + SECRET_CHARS)
  return checkOf(secret) === text.slice(prefix.length + SECRET_CHARS)
}

/** @returns the 32 bytes under which a token is stored; the token itself never is. */
export function hashToken(token: string): Uint8Array {
  return hash('sha256', token, 'buffer')
}

function checkOf(secret: string): string {
  let rest = crc32(secret)
  let check = ''
  for (let i = 0; i < CHECK_CHARS; i++) {
    check = ALPHABET[rest % ALPHABET.length] + check
    rest = Math.floor(rest / ALPHABET.length)
  }
  return check
}
