import { randomBytes } from 'node:crypto'
import { FEED_PAGE_RECORDS_MAX } from '@agent-marketplace/protocol'
import type { Reader, Tx } from '../storage/database.ts'

/** Keep a record for the next tick, at a random place: nothing says which of them came first. */
export async function appendPending(tx: Tx, record: Uint8Array, expiryHour: number): Promise<void> {
  const sql = 'INSERT INTO feed_pending (place, record, expiry_hour) VALUES ($1, $2, $3)'
  await tx.run(sql, [randomBytes(16), record, expiryHour])
}

/** Give every waiting record its position, in the order of their bytes. @returns the position of the last one. */
export async function publishPending(tx: Tx): Promise<number> {
  const head = await findHead(tx)
  const sql = `
    INSERT INTO feed_records (position, record, expiry_hour)
    SELECT $1 + row_number() OVER (ORDER BY record), record, expiry_hour FROM feed_pending`
  const count = await tx.run(sql, [BigInt(head)])
  await tx.run('DELETE FROM feed_pending')
  await tx.run('UPDATE feed_head SET published = published + $1', [count])
  return head + count
}

/** Let the next record have a position behind `position`, which nobody was ever told. @returns where the feed stood before, and stands now. */
export async function raiseHead(tx: Tx, position: number): Promise<{ before: number; head: number }> {
  const before = await findHead(tx)
  const head = Math.max(before, position)
  await tx.run('UPDATE feed_head SET published = $1', [head])
  return { before, head }
}

/** @returns the position of the last record ever published, or where this start of the relay began. */
export async function findHead(reader: Reader): Promise<number> {
  const row = await reader.get('SELECT published FROM feed_head')
  return Number(row?.published)
}

/** Records behind a position that are live at an hour, and where to go on from. */
export async function listRecords(
  reader: Reader,
  after: number,
  hour: number,
): Promise<{ cursor: number; records: Uint8Array[] }> {
  const sql = 'SELECT position, record FROM feed_records WHERE position > $1 AND expiry_hour > $2 ORDER BY position LIMIT $3'
  const rows = await reader.all(sql, [after, hour, FEED_PAGE_RECORDS_MAX])
  const isFull = rows.length === FEED_PAGE_RECORDS_MAX
  return {
    cursor: isFull ? Number(rows.at(-1)?.position) : await findHead(reader),
    records: rows.map((row) => row.record as Uint8Array),
  }
}

/** @returns how many records are kept, published or waiting. */
export async function countRecords(reader: Reader): Promise<{ published: number; pending: number }> {
  const row = await reader.get(
    'SELECT (SELECT count(*) FROM feed_records) AS published, (SELECT count(*) FROM feed_pending) AS pending',
  )
  return { published: Number(row?.published), pending: Number(row?.pending) }
}

/** Remove published records whose hour has come. Positions are never used again. @returns how many. */
export function deleteExpiredRecords(tx: Tx, hour: number): Promise<number> {
  return tx.run('DELETE FROM feed_records WHERE expiry_hour <= $1', [hour])
}
