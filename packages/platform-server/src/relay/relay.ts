import type { Readable } from 'node:stream'
import type { Database, Tx } from '../storage/database.ts'
import type { BlobRef, BlobStore } from './blob-store.ts'
import type { Feed } from './feed.ts'
import type { Quota } from './quota.ts'
import { hourOf } from './rules.ts'
import { deleteSlot, findLiveSlot, type Slot } from './slot-store.ts'
import type { TokenVerifier } from './tokens.ts'

/** What every operation of the relay gets from outside. */
export interface Relay {
  readonly db: Database
  readonly blobs: BlobStore
  readonly quota: Quota
  readonly feed: Feed
  readonly tokens: 'off' | TokenVerifier
  readonly now: () => number
  /** Bodies that are being written, or written and not yet in the index: the sweep leaves them alone. */
  readonly inFlight: Set<BlobRef>
}

export interface OpenSlot extends Slot {
  /** Its body, `sizeClass` bytes. The caller reads it to the end or destroys it. */
  readonly body: Readable
}

/**
 * Open a live slot. A slot whose body was lost by the disk is forgotten, so that it can be uploaded again.
 *
 * @returns `undefined` for a slot that never was, is deleted or expired.
 */
export async function openSlot({ db, blobs, quota, now }: Relay, slotId: Uint8Array): Promise<OpenSlot | undefined> {
  const slot = await db.read((reader) => findLiveSlot(reader, slotId, hourOf(now())))
  const body = slot && (await blobs.open(slot.blobRef))
  if (body) return { ...slot, body }
  if (slot) await db.write((tx) => forgetSlot(tx, quota, slot))
  return undefined
}

/** Delete the row of a slot and, once that is durable, give its space back. @returns whether it was there. */
export async function forgetSlot(tx: Tx, quota: Quota, slot: Slot): Promise<boolean> {
  const isThere = await deleteSlot(tx, slot)
  if (isThere) tx.onCommit(() => quota.give(slot.sizeClass))
  return isThere
}
