import { hash } from 'node:crypto'

/** `‖` of the protocol pages: the parts one after another, in memory of their own. */
export function joinBytes(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** A label of the protocol pages as bytes. Labels are ASCII, so UTF-8 is the same. */
export function labelBytes(label: string): Uint8Array {
  return new TextEncoder().encode(label)
}

/** SHA-256 of the bytes, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}
