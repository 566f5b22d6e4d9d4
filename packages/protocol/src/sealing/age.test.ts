import { hkdfSync } from 'node:crypto'
import { Decrypter, Encrypter, type Identity, type Recipient, Stanza } from 'age-encryption'
import { expect, test } from 'vitest'
import { openStream, SEGMENT_BYTES, sealStream } from './stream.ts'

const NONCE_BYTES = 16
const sizes = [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES]
const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) % 256)

/** A recipient and an identity that tell the file key: age with its key exchange taken out, so that what is compared is the payload. */
class KnownKey implements Recipient, Identity {
  fileKey = new Uint8Array()

  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    this.fileKey = new Uint8Array(fileKey)
    return [new Stanza(['known-key'], new Uint8Array())]
  }

  unwrapFileKey(): Uint8Array {
    return this.fileKey
  }
}

/** The key of an age v1 payload: HKDF-SHA-256 of the file key, salted with the 16 bytes before the payload. */
function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', 32))
}

/** Where an age file's header ends: after the line of its MAC. */
function headerBytes(file: Uint8Array): number {
  const mac = Buffer.from(file).indexOf('\n---')
  return Buffer.from(file).indexOf('\n', mac + 1) + 1
}

test.for(sizes)('what age seals, the stream opens: %i bytes', async (size) => {
  const known = new KnownKey()
  const encrypter = new Encrypter()
  encrypter.addRecipient(known)
  const file = await encrypter.encrypt(pattern(size))
  const payload = file.subarray(headerBytes(file))

  const key = payloadKey(known.fileKey, payload.subarray(0, NONCE_BYTES))
  expect(openStream(key, payload.subarray(NONCE_BYTES))).toEqual(pattern(size))
})

test.for(sizes)('what the stream seals, age opens: %i bytes', async (size) => {
  const known = new KnownKey()
  const encrypter = new Encrypter()
  encrypter.addRecipient(known)
  const file = await encrypter.encrypt('another payload')
  const start = headerBytes(file)
  const nonce = file.subarray(start, start + NONCE_BYTES)
  const sealed = sealStream(payloadKey(known.fileKey, nonce), pattern(size))

  const decrypter = new Decrypter()
  decrypter.addIdentity(known)
  expect(await decrypter.decrypt(Buffer.concat([file.subarray(0, start), nonce, sealed]))).toEqual(pattern(size))
})
