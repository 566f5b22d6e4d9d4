/**
 * Write bytes as base64url (RFC 4648 §5) without padding.
 *
 * @returns ⌈bytes × 4 / 3⌉ characters of `[A-Za-z0-9_-]`; the empty string for no bytes.
 */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/**
 * Read base64url as `toBase64url` writes it: each byte string has exactly one accepted spelling.
 *
 * @returns `undefined` for padding, whitespace, a foreign character, an impossible length or trailing bits that are not zero.
 */
export function fromBase64url(text: string): Uint8Array | undefined {
  // Buffer skips what it does not understand, so the text is accepted only if the bytes spell it again.
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined
}
