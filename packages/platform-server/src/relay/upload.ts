import { randomBytes } from 'node:crypto'
import { type RelayTtl, relayTokenClassOf } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import type { BlobRef } from './blob-store.ts'
import { appendPending } from './feed-store.ts'
import { RECORD_COST_BYTES } from './quota.ts'
import { forgetSlot, type OpenSlot, openSlot, type Relay } from './relay.ts'
import { expiryHourOf, hourOf } from './rules.ts'
import { sameBytes } from './same-bytes.ts'
import { findExpiredSlot, insertSlot, type Slot } from './slot-store.ts'
import { badToken, checkToken, isSpent, type SpendableToken, spendToken } from './tokens.ts'

const BLOB_REF_BYTES = 16

export interface Upload {
  readonly slotId: Uint8Array
  readonly deleteHash: Uint8Array
  readonly ttl: RelayTtl
  readonly sizeClass: number
  /** 40 bytes for the feed, if the slot is a drop. */
  readonly record: Uint8Array | undefined
  /** The token header, unverified. */
  readonly token: string | undefined
}

/**
 * Fill a slot. Everything that can be refused without the body is refused before `readBody` is called.
 *
 * @param readBody - Begins to read the body: exactly `sizeClass` bytes, or it throws.
 * @returns once the slot and its record are durable, or were there before with the same bytes.
 * @throws Refusal `already_exists` when the slot holds something else, `unauthenticated`, `storage_full`.
 */
export async function putSlot(relay: Relay, upload: Upload, readBody: () => AsyncIterable<Uint8Array>): Promise<void> {
  const token = await checkToken(
    relay.tokens,
    upload.token,
    relayTokenClassOf({ bytes: upload.sizeClass, record: upload.record }),
  )

  // The same upload again needs no space and no second token.
  const held = await openSlot(relay, upload.slotId)
  if (held) return confirmSame(held, upload, readBody())

  if (token && (await relay.db.read((reader) => isSpent(reader, token)))) throw badToken()
  const cost = upload.sizeClass + (upload.record ? RECORD_COST_BYTES : 0)
  relay.quota.take(cost)
  let isStored = false
  try {
    isStored = await storeBody(relay, upload, token, readBody())
  } finally {
    if (!isStored) relay.quota.give(cost)
  }
}

/** @returns whether this upload took the slot; if not, another one with the same bytes did. */
async function storeBody(
  relay: Relay,
  upload: Upload,
  token: SpendableToken | undefined,
  body: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const blobRef = randomBytes(BLOB_REF_BYTES).toString('hex')
  let isStored = false
  relay.inFlight.add(blobRef)
  try {
    await relay.blobs.put(blobRef, body, upload.sizeClass)
    isStored = await takeSlot(relay, upload, blobRef, token)
    return isStored
  } finally {
    if (!isStored) await relay.blobs.remove(blobRef)
    relay.inFlight.delete(blobRef)
  }
}

/** Enter a stored body into the index. Of parallel uploads one wins; the others compare themselves with it. */
async function takeSlot(relay: Relay, upload: Upload, blobRef: BlobRef, token: SpendableToken | undefined): Promise<boolean> {
  while (!(await commitSlot(relay, upload, blobRef, token))) {
    const winner = await openSlot(relay, upload.slotId)
    if (!winner) continue
    const own = await relay.blobs.open(blobRef)
    if (!own) throw new Error('a stored body is gone')
    await confirmSame(winner, upload, own)
    return false
  }
  return true
}

async function commitSlot(relay: Relay, upload: Upload, blobRef: BlobRef, token: SpendableToken | undefined): Promise<boolean> {
  const { db, quota, feed, blobs, now } = relay
  const { slotId, deleteHash, sizeClass, record } = upload
  const nowMs = now()
  const expiryHour = expiryHourOf(nowMs, upload.ttl)
  let displaced: Slot | undefined
  const isTaken = await db.write(async (tx) => {
    displaced = await findExpiredSlot(tx, slotId, hourOf(nowMs))
    if (displaced) await forgetSlot(tx, quota, displaced)
    if (!(await insertSlot(tx, { slotId, deleteHash, sizeClass, expiryHour, blobRef }))) return false
    if (token && !(await spendToken(tx, token))) throw badToken()
    if (record) {
      await appendPending(tx, record, expiryHour)
      tx.onCommit(() => feed.expectTick())
    }
    return true
  })
  if (displaced) await blobs.remove(displaced.blobRef)
  return isTaken
}

async function confirmSame(held: OpenSlot, upload: Upload, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    const isSame = Buffer.compare(held.deleteHash, upload.deleteHash) === 0 && held.sizeClass === upload.sizeClass
    if (!isSame || !(await sameBytes(body, held.body))) throw new Refusal('already_exists', 'the slot holds other bytes')
  } finally {
    held.body.destroy()
  }
}
