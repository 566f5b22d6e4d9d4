import { createCipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/artifact.json' with { type: 'json' }
import { sha256 } from '../signing/index.ts'
import { openStream, plaintextBytesOf, sealStream } from './stream.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (31 * i + 7 * Math.floor(i / 256)) % 256)
const key = bytes(vectors.streams.payloadKey)

describe('the stream', () => {
  test.for(vectors.streams.cases)('of $bytes bytes is the one another age implementation writes, and opens', (given) => {
    const sealed = sealStream(key, pattern(given.bytes))

    if (given.sealed !== undefined) expect(hex(sealed)).toBe(given.sealed)
    expect([sealed.length, hex(sha256(sealed))]).toEqual([given.sealedBytes, given.sealedSha256])
    expect(plaintextBytesOf(sealed.length)).toBe(given.bytes)
    expect(openStream(key, sealed)).toEqual(pattern(given.bytes))
  })

  test.for(vectors.badStreams.cases)('does not open: $name ($reason)', (bad) => {
    const sealed = bad.sealedAfter === undefined ? bytes(bad.sealed) : withEmptyLast(bad.sealedAfter, bytes(bad.lastSegment))

    if (bad.sealedSha256 !== undefined) expect(hex(sha256(sealed))).toBe(bad.sealedSha256)
    expect(openStream(key, sealed)).toBeNull()
  })

  test('does not open when cut anywhere, not even between segments', () => {
    const sealed = sealStream(key, pattern(200_000))

    for (const length of [0, 15, 16, 17, 65_551, 65_552, 65_553, 65_568, 131_104, sealed.length - 1])
      expect([length, openStream(key, sealed.subarray(0, length))]).toEqual([length, null])
  })
})

function withEmptyLast(length: number, lastSegment: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: 16 })
  const first = cipher.update(pattern(length))
  cipher.final()
  return Buffer.concat([first, cipher.getAuthTag(), lastSegment])
}

test.each([0, 1, 65_536, 65_537, 200_000])(
  '%d bytes are sealed and opened alike in a room that was used before, and where they lie',
  (bytes) => {
    const [dirty, plaintext] = [new Uint8Array(300_000).fill(0xff), pattern(bytes)]
    const sealed = sealStream(key, plaintext, dirty)

    expect(sealed.buffer).toBe(dirty.buffer)
    expect(sealed).toEqual(sealStream(key, plaintext))
    expect(openStream(key, sealed.slice(), new Uint8Array(300_000).fill(0xff))).toEqual(plaintext)
    expect(openStream(key, sealed, sealed)).toEqual(plaintext)
    expect(openStream(key, sealStream(key, plaintext, new Uint8Array(bytes)), new Uint8Array(0))).toEqual(plaintext)
  },
)
