import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { releaseBytes } from '../release.ts'

const ALGORITHM = 'chacha20-poly1305'
const TAG_BYTES = 16
export const SEGMENT_BYTES = 65_536
const SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES

/** Bytes of plaintext in a stream of `sealedBytes`. */
export function plaintextBytesOf(sealedBytes: number): number {
  return sealedBytes - TAG_BYTES * Math.max(1, Math.ceil(sealedBytes / SEALED_SEGMENT_BYTES))
}

/**
 * Seal bytes as the STREAM of an age v1 payload: segments of 64 KiB, the last one shorter and flagged.
 *
 * @param key - 32 bytes. The nonces are counters, so one key seals one plaintext, ever.
 * @param room - Where the stream is written, if it is long enough; memory of its own otherwise. It does not overlap with `plaintext`.
 * @returns The plaintext's length plus 16 bytes a segment; 16 bytes for an empty plaintext.
 */
export function sealStream(key: Uint8Array, plaintext: Uint8Array, room?: Uint8Array): Uint8Array {
  const segments = Math.max(1, Math.ceil(plaintext.length / SEGMENT_BYTES))
  const sealed = roomFor(plaintext.length + segments * TAG_BYTES, room)
  const opened = createSecretKey(key)
  for (let i = 0; i < segments; i++) {
    const segment = plaintext.subarray(i * SEGMENT_BYTES, (i + 1) * SEGMENT_BYTES)
    const cipher = createCipheriv(ALGORITHM, opened, segmentNonce(i, i === segments - 1), { authTagLength: TAG_BYTES })
    const offset = i * SEALED_SEGMENT_BYTES
    moveInto(sealed, cipher.update(segment), offset)
    cipher.final()
    sealed.set(cipher.getAuthTag(), offset + segment.length)
  }
  return sealed
}

/**
 * Open a whole stream.
 *
 * @param key - 32 bytes.
 * @param room - Where the plaintext is written, if it is long enough; memory of its own otherwise. It may be `sealed` itself, which is then gone.
 * @returns The plaintext, or `null` if a byte was changed, a segment dropped, added or moved, or the last one cut off.
 */
export function openStream(key: Uint8Array, sealed: Uint8Array, room?: Uint8Array): Uint8Array | null {
  const segments = Math.max(1, Math.ceil(sealed.length / SEALED_SEGMENT_BYTES))
  const lastBytes = sealed.length - (segments - 1) * SEALED_SEGMENT_BYTES
  if (lastBytes < TAG_BYTES || (lastBytes === TAG_BYTES && segments > 1)) return null

  const plaintext = roomFor(sealed.length - segments * TAG_BYTES, room)
  const opened = createSecretKey(key)
  for (let i = 0; i < segments; i++) {
    const segment = sealed.subarray(i * SEALED_SEGMENT_BYTES, (i + 1) * SEALED_SEGMENT_BYTES)
    const decipher = createDecipheriv(ALGORITHM, opened, segmentNonce(i, i === segments - 1), { authTagLength: TAG_BYTES })
    decipher.setAuthTag(segment.subarray(-TAG_BYTES))
    moveInto(plaintext, decipher.update(segment.subarray(0, -TAG_BYTES)), i * SEGMENT_BYTES)
    try {
      decipher.final()
    } catch {
      return null
    }
  }
  return plaintext
}

/** Not zeroed, because every byte of it is about to be written. */
function roomFor(bytes: number, room: Uint8Array | undefined): Uint8Array {
  if (room && room.length >= bytes) return room.subarray(0, bytes)
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}

/** What a cipher gives is memory of its own. */
function moveInto(room: Uint8Array, bytes: Uint8Array, offset: number): void {
  room.set(bytes, offset)
  releaseBytes(bytes)
}

/** 11-byte big-endian counter ‖ 1 for the last segment, 0 for the others. The counter never leaves its low 32 bits. */
function segmentNonce(counter: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(7, counter)
  nonce[11] = isLast ? 1 : 0
  return nonce
}
