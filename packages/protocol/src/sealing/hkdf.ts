import { hkdfSync } from 'node:crypto'

/** HKDF-SHA256 (RFC 5869). `info` is an ASCII label; `bytes` ≤ 8160 of output. */
export function hkdf(options: { ikm: Uint8Array; salt: Uint8Array; info: string; bytes: number }): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', options.ikm, options.salt, options.info, options.bytes))
}
