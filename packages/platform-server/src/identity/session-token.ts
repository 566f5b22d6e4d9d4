import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PREFIX = 'amk_ses_'
const SECRET_CHARS = 32
const CHECK_CHARS = 6

/** @returns a fresh token: `amk_ses_`, 32 base62 characters (190 bits) and 6 of their CRC32, so that a scanner can tell a token from noise. */
export function makeSessionToken(): string {
  const secret = Array.from({ length: SECRET_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return PREFIX + secret + checkOf(secret)
}

/** @returns whether a text has the form of a session token, check included. */
export function isSessionToken(text: string): boolean {
  if (text.length !== PREFIX.length + SECRET_CHARS + CHECK_CHARS || !text.startsWith(PREFIX)) return false
  const secret = text.slice(PREFIX.length, PREFIX.length + SECRET_CHARS)
  return checkOf(secret) === text.slice(PREFIX.length + SECRET_CHARS)
}

/** @returns the 32 bytes under which a token is stored; the token itself never is. */
export function hashSessionToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
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
