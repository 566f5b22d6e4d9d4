import type { Reader, Row, Tx } from '../storage/database.ts'
import type { BlobRef } from './blob-store.ts'

/** Everything the relay knows of a slot. */
export interface Slot {
  readonly slotId: Uint8Array
  readonly deleteHash: Uint8Array
  /** Length of its body in bytes. */
  readonly sizeClass: number
  readonly expiryHour: number
  readonly blobRef: BlobRef
}

/** @returns the slot if it is live at that hour. */
export async function findLiveSlot(reader: Reader, slotId: Uint8Array, hour: number): Promise<Slot | undefined> {
  const row = await reader.get('SELECT * FROM slots WHERE slot_id = $1 AND expiry_hour > $2', [slotId, hour])
  return row && parseSlot(row)
}

/** @returns the slot if its hour has come and the sweep has not been there yet. */
export async function findExpiredSlot(reader: Reader, slotId: Uint8Array, hour: number): Promise<Slot | undefined> {
  const row = await reader.get('SELECT * FROM slots WHERE slot_id = $1 AND expiry_hour <= $2', [slotId, hour])
  return row && parseSlot(row)
}

/** Take a slot; the guard is the primary key. @returns `false` if it is taken: nothing was written. */
export async function insertSlot(tx: Tx, { slotId, deleteHash, sizeClass, expiryHour, blobRef }: Slot): Promise<boolean> {
  const sql = `
    INSERT INTO slots (slot_id, delete_hash, size_class, expiry_hour, blob_ref)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
  return (await tx.run(sql, [slotId, deleteHash, sizeClass, expiryHour, blobRef])) === 1
}

/** @returns `false` if that very body was not in the slot any more: nothing was written. */
export async function deleteSlot(tx: Tx, { slotId, blobRef }: Slot): Promise<boolean> {
  return (await tx.run('DELETE FROM slots WHERE slot_id = $1 AND blob_ref = $2', [slotId, blobRef])) === 1
}

/** @returns slots whose hour has come, at most `limit` of them. */
export async function listExpiredSlots(reader: Reader, hour: number, limit: number): Promise<Slot[]> {
  const rows = await reader.all('SELECT * FROM slots WHERE expiry_hour <= $1 LIMIT $2', [hour, limit])
  return rows.map(parseSlot)
}

/** @returns the names of all bodies in one folder that a slot refers to. */
export async function listBlobRefs(reader: Reader, folder: string): Promise<Set<BlobRef>> {
  const rows = await reader.all('SELECT blob_ref FROM slots WHERE blob_ref >= $1 AND blob_ref < $2', [folder, `${folder}g`])
  return new Set(rows.map((row) => row.blob_ref as string))
}

/** @returns the bytes of all bodies. */
export async function sumBodyBytes(reader: Reader): Promise<number> {
  const row = await reader.get('SELECT coalesce(sum(size_class), 0) AS bytes FROM slots')
  return Number(row?.bytes)
}

function parseSlot(row: Row): Slot {
  return {
    slotId: row.slot_id as Uint8Array,
    deleteHash: row.delete_hash as Uint8Array,
    sizeClass: Number(row.size_class),
    expiryHour: Number(row.expiry_hour),
    blobRef: row.blob_ref as string,
  }
}
