import { timingSafeEqual } from 'node:crypto'
import nacl from 'tweetnacl'
import { CAP_BYTES, DROP_BYTES, RECORD_BYTES } from '../limits.ts'
import { joinBytes } from '../signing/bytes.ts'
import { deriveDeleteHash, deriveSlotId } from '../slot.ts'
import { hkdf, hkdfStart } from './hkdf.ts'
import { importPublicKey, importSecretKey, shareScanned, shareSecret, X25519_KEY_BYTES, type X25519Pair } from './x25519.ts'
import { isAllZero } from './zeros.ts'

const INFO = 'agent-marketplace/drop/1'
const TAG_BYTES = 8
const LENGTH_BYTES = 4
const NONCE_BYTES = nacl.secretbox.nonceLength
const OKM_BYTES = TAG_BYTES + 3 * CAP_BYTES
const PLAINTEXT_BYTES = DROP_BYTES - NONCE_BYTES - nacl.secretbox.overheadLength
/** The longest frame a drop carries. */
export const FRAME_BYTES_MAX = PLAINTEXT_BYTES - LENGTH_BYTES

/** Everything both ends of a drop derive: `tag` 8 bytes, `slotId` 16, the others 32. All but `tag`, `slotId` and `deleteHash` are secret. */
export type DropKeys = {
  tag: Uint8Array
  readCap: Uint8Array
  deleteCap: Uint8Array
  bodyKey: Uint8Array
  slotId: Uint8Array
  deleteHash: Uint8Array
}

/** A drop ready for the relay: `record` 40 bytes for the feed, `body` 16 384 bytes for the slot. */
export type SealedDrop = DropKeys & { record: Uint8Array; body: Uint8Array }

/** A feed record that is for one of our prekeys, and the keys of its drop. */
export type Match = { prekey: Uint8Array; keys: DropKeys }

/** A prekey made ready to scan the feed with. */
export type Scanner = { prekey: Uint8Array; privateKey: ReturnType<typeof importSecretKey> }

/**
 * Derive the keys of a drop on the sending side.
 *
 * @param ephemeral - The sender's pair for this one drop. @param prekey - The recipient's public prekey, 32 bytes.
 * @throws SmallOrderKeyError if the prekey is one that shares its secret with everybody.
 */
export function deriveDrop(ephemeral: X25519Pair, prekey: Uint8Array): DropKeys {
  return split(expand(shareSecret(ephemeral.secretKey, prekey), ephemeral.publicKey, prekey))
}

/**
 * Seal a frame to a prekey. `sealMessage` is the way to send; this is the step after the frame is built and signed.
 *
 * @param drop.frame - 0 to 16 340 bytes. @param drop.ephemeral - A pair used for this drop and never again.
 * @param drop.nonce - 24 bytes; only the vectors give one, otherwise it is random.
 * @throws RangeError if the frame is too long; SmallOrderKeyError as `deriveDrop`.
 */
export function sealDrop(drop: { frame: Uint8Array; ephemeral: X25519Pair; prekey: Uint8Array; nonce?: Uint8Array }): SealedDrop {
  const { frame, ephemeral, prekey, nonce = nacl.randomBytes(NONCE_BYTES) } = drop
  if (frame.length > FRAME_BYTES_MAX)
    throw new RangeError(`a frame has at most ${FRAME_BYTES_MAX} bytes, this one has ${frame.length}`)

  const keys = deriveDrop(ephemeral, prekey)
  const plaintext = new Uint8Array(PLAINTEXT_BYTES)
  new DataView(plaintext.buffer).setUint32(0, frame.length)
  plaintext.set(frame, LENGTH_BYTES)
  return {
    ...keys,
    record: joinBytes(ephemeral.publicKey, keys.tag),
    body: joinBytes(nonce, nacl.secretbox(plaintext, nonce, keys.bodyKey)),
  }
}

/** Make a prekey pair ready to scan; once per prekey, not per record. @throws Error if a key is not 32 bytes. */
export function prepareScanner(prekey: X25519Pair): Scanner {
  return { prekey: prekey.publicKey, privateKey: importSecretKey(prekey) }
}

/**
 * Tell whether a feed record is for one of these prekeys. Reading the record's key costs about as much as half a prekey, so all prekeys are tried at once.
 *
 * @returns `null` for a record that is not ours, is noise, or carries a small-order key.
 * @throws RangeError if the record is not 40 bytes.
 */
export function matchRecord(scanners: readonly Scanner[], record: Uint8Array): Match | null {
  if (record.length !== RECORD_BYTES) throw new RangeError(`a feed record has ${RECORD_BYTES} bytes, not ${record.length}`)
  const ephemeral = record.subarray(0, X25519_KEY_BYTES)
  const publicKey = importPublicKey(ephemeral)
  for (const { privateKey, prekey } of scanners) {
    const shared = shareScanned(privateKey, publicKey)
    if (shared === null) return null
    const start = hkdfStart({ ikm: shared, salt: joinBytes(ephemeral, prekey), info: INFO })
    if (!timingSafeEqual(start.subarray(0, TAG_BYTES), record.subarray(X25519_KEY_BYTES))) continue
    return { prekey, keys: split(expand(shared, ephemeral, prekey)) }
  }
  return null
}

/**
 * Open the body of a drop. Says nothing about who sent it: `parseFrame` and `verifyFrame` come next.
 *
 * @param bodyKey - 32 bytes, from `matchRecord`.
 * @returns The frame, or `null` for anything but 16 384 bytes sealed under this key with a true length and zero padding.
 */
export function openDropBody(body: Uint8Array, bodyKey: Uint8Array): Uint8Array | null {
  if (body.length !== DROP_BYTES) return null
  const plaintext = nacl.secretbox.open(body.subarray(NONCE_BYTES), body.subarray(0, NONCE_BYTES), bodyKey)
  if (plaintext === null) return null
  const end = LENGTH_BYTES + new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(0)
  if (end > PLAINTEXT_BYTES || !isAllZero(plaintext.subarray(end))) return null
  return plaintext.slice(LENGTH_BYTES, end)
}

/** The tag and, behind it, the three secrets. */
function expand(shared: Uint8Array, ephemeral: Uint8Array, prekey: Uint8Array): Uint8Array {
  return hkdf({ ikm: shared, salt: joinBytes(ephemeral, prekey), info: INFO, bytes: OKM_BYTES })
}

function split(okm: Uint8Array): DropKeys {
  const cap = (nth: number) => okm.slice(TAG_BYTES + nth * CAP_BYTES, TAG_BYTES + (nth + 1) * CAP_BYTES)
  const readCap = cap(0)
  const deleteCap = cap(1)
  return {
    tag: okm.slice(0, TAG_BYTES),
    readCap,
    deleteCap,
    bodyKey: cap(2),
    slotId: deriveSlotId(readCap),
    deleteHash: deriveDeleteHash(deleteCap),
  }
}
