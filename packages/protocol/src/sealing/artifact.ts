import nacl from 'tweetnacl'
import { CAP_BYTES } from '../limits.ts'
import { deriveDeleteHash, deriveSlotId } from '../slot.ts'
import { type ArtifactPlan, partRange } from './artifact-plan.ts'
import { hkdf } from './hkdf.ts'
import { openStream, sealStream } from './stream.ts'
import { isAllZero } from './zeros.ts'

export const ARTIFACT_KEY_BYTES = 32

/** What the holder of an artifact key derives for one part: `slotId` 16 bytes, the others 32. `readCap`, `deleteCap` and `key` are secret. */
export type PartKeys = {
  readCap: Uint8Array
  deleteCap: Uint8Array
  key: Uint8Array
  slotId: Uint8Array
  deleteHash: Uint8Array
}

/** A part ready for the relay; `body` has exactly `plan.partBytes`. */
export type SealedPart = PartKeys & { body: Uint8Array }

/** Which part of which artifact: `artifactKey` is K, 32 bytes; `index` counts from 0. */
export type PartAddress = { artifactKey: Uint8Array; plan: ArtifactPlan; index: number }

/** A fresh artifact key K, 32 random bytes. It travels only inside a sealed document. */
export function generateArtifactKey(): Uint8Array {
  return nacl.randomBytes(ARTIFACT_KEY_BYTES)
}

/**
 * Derive where part `index` lies and the key it is sealed with. Enough to download, delete or probe a part without its bytes.
 *
 * @param index - 0 ≤ index < 2^32. @throws RangeError if it is not.
 */
export function derivePart(artifactKey: Uint8Array, index: number): PartKeys {
  if (!Number.isInteger(index) || index < 0 || index > 0xffff_ffff)
    throw new RangeError('a part index is an unsigned number of 32 bits')
  const salt = new Uint8Array(4)
  new DataView(salt.buffer).setUint32(0, index)
  const derive = (info: string) => hkdf({ ikm: artifactKey, salt, info, bytes: CAP_BYTES })

  const readCap = derive('agent-marketplace/part-read/1')
  const deleteCap = derive('agent-marketplace/part-delete/1')
  const key = derive('agent-marketplace/part-key/1')
  return { readCap, deleteCap, key, slotId: deriveSlotId(readCap), deleteHash: deriveDeleteHash(deleteCap) }
}

/**
 * Seal one part. Deterministic: a resumed upload makes the same bytes again. The same K must therefore never seal two different
 * artifacts; a caller that resumes first makes sure the file still has the hash it had.
 *
 * @param part.data - Exactly the bytes `partRange` names, none for a dummy.
 * @param part.room - `plan.partBytes` in which the body is made; without it, it gets memory of its own.
 * @throws RangeError if the length is another, or the plan has no such part.
 */
export function sealArtifactPart(part: PartAddress & { data: Uint8Array; room?: Uint8Array }): SealedPart {
  const { artifactKey, plan, index, data, room } = part
  const { start, end } = partRange(plan, index)
  if (data.length !== end - start) throw new RangeError(`part ${index} holds ${end - start} bytes, not ${data.length}`)

  const keys = derivePart(artifactKey, index)
  return { ...keys, body: sealStream(keys.key, pad(data, plan.dataBytes), room) }
}

/**
 * Open one part. Whether the artifact is whole is known only from all parts and its SHA-256.
 *
 * @param part.room - Where its bytes are written, if it has `plan.dataBytes`. It may be the body itself, which is then gone.
 * @returns The part's bytes, none for a dummy; `null` if the body has the wrong length, is another part, was changed, or pads with
 * anything but zeros.
 * @throws RangeError if the plan has no such part.
 */
export function openArtifactPart(part: PartAddress & { body: Uint8Array; room?: Uint8Array }): Uint8Array | null {
  const { artifactKey, plan, index, body, room } = part
  const { start, end } = partRange(plan, index)
  if (body.length !== plan.partBytes) return null
  const padded = openStream(derivePart(artifactKey, index).key, body, room)
  if (padded === null || !isAllZero(padded.subarray(end - start))) return null
  return padded.subarray(0, end - start)
}

/** Most parts are full: those are not copied. */
function pad(data: Uint8Array, bytes: number): Uint8Array {
  if (data.length === bytes) return data
  const padded = new Uint8Array(bytes)
  padded.set(data)
  return padded
}
