import { BLOB_FOLDERS } from './blob-store.ts'
import { deleteExpiredRecords } from './feed-store.ts'
import { RECORD_COST_BYTES } from './quota.ts'
import { forgetSlot, type Relay } from './relay.ts'
import { hourOf } from './rules.ts'
import { listBlobRefs, listExpiredSlots } from './slot-store.ts'
import { forgetTokens } from './tokens.ts'

/** Folders that are looked into at the same time: a store elsewhere answers each after a while. */
const FOLDERS_AT_ONCE = 16

/** Slots that one transaction expires: other writers wait no longer than this takes. */
const BATCH_SLOTS = 500

/** Remove everything whose hour has come: slots with their bodies, feed records, spent tokens. @returns how many of them. */
export async function sweepExpired(relay: Relay): Promise<number> {
  const hour = hourOf(relay.now())
  const slots = await sweepSlots(relay, hour)
  const records = await relay.db.write(async (tx) => {
    const deleted = await deleteExpiredRecords(tx, hour)
    tx.onCommit(() => relay.quota.give(deleted * RECORD_COST_BYTES))
    return deleted
  })
  const tokens = await relay.db.write((tx) => forgetTokens(tx, hour))
  return slots + records + tokens
}

async function sweepSlots({ db, blobs, quota }: Relay, hour: number): Promise<number> {
  let count = 0
  for (;;) {
    const removed = await db.write(async (tx) => {
      const slots = await listExpiredSlots(tx, hour, BATCH_SLOTS)
      for (const slot of slots) await forgetSlot(tx, quota, slot)
      return slots
    })
    // The row goes first: a crash in between leaves a body without a slot, which nobody can read and the next start removes.
    await Promise.all(removed.map((slot) => blobs.remove(slot.blobRef)))
    count += removed.length
    if (removed.length < BATCH_SLOTS) return count
  }
}

/** Remove bodies that no slot refers to: a crash or an I/O error left them. @returns how many. */
export async function sweepOrphans(relay: Pick<Relay, 'db' | 'blobs' | 'inFlight'>): Promise<number> {
  let count = 0
  for (let first = 0; first < BLOB_FOLDERS.length; first += FOLDERS_AT_ONCE) {
    const folders = BLOB_FOLDERS.slice(first, first + FOLDERS_AT_ONCE)
    for (const removed of await Promise.all(folders.map((folder) => sweepFolder(relay, folder)))) count += removed
  }
  return count
}

async function sweepFolder({ db, blobs, inFlight }: Pick<Relay, 'db' | 'blobs' | 'inFlight'>, folder: string): Promise<number> {
  // In this order: a body that is not in flight any more when it was listed is in the index already, or never will be.
  const settled = (await blobs.list(folder)).filter((ref) => !inFlight.has(ref))
  if (settled.length === 0) return 0
  const known = await db.read((reader) => listBlobRefs(reader, folder))
  const orphans = settled.filter((ref) => !known.has(ref))
  await Promise.all(orphans.map((ref) => blobs.remove(ref)))
  return orphans.length
}
