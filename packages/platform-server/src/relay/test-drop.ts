import { hash, randomBytes } from 'node:crypto'
import { RELAY_PATHS, toBase64url } from '@agent-marketplace/protocol'
import { call, type TestAnswer } from './test-relay.ts'

/** What a client knows of a slot: everything random, as the protocol derives it. */
export interface TestDrop {
  readonly slotId: string
  readonly readCap: string
  readonly deleteCap: string
  readonly record: Buffer
  readonly body: Buffer
  /** Headers of its upload. */
  readonly headers: Record<string, string>
}

/** Make a drop of 16 KiB that lives an hour, unless told otherwise. */
export function makeDrop({ bytes = 16_384, ttl = '1h' }: { bytes?: number; ttl?: string } = {}): TestDrop {
  const [readCap, deleteCap, record] = [randomBytes(32), randomBytes(32), randomBytes(40)]
  const slotId = hash('sha256', Buffer.concat([Buffer.from('agent-marketplace/slot/1'), readCap]), 'buffer').subarray(0, 16)
  const deleteHash = hash('sha256', Buffer.concat([Buffer.from('agent-marketplace/delete/1'), deleteCap]), 'buffer')
  return {
    slotId: toBase64url(slotId),
    readCap: toBase64url(readCap),
    deleteCap: toBase64url(deleteCap),
    record,
    body: randomBytes(bytes),
    headers: { 'relay-delete-hash': toBase64url(deleteHash), 'relay-ttl': ttl, 'relay-record': toBase64url(record) },
  }
}

export function put(origin: string, drop: TestDrop, headers: Record<string, string | string[]> = {}): Promise<TestAnswer> {
  return call(origin, 'PUT', RELAY_PATHS.slot + drop.slotId, { headers: { ...drop.headers, ...headers }, body: drop.body })
}

export function read(origin: string, drop: TestDrop): Promise<TestAnswer> {
  return call(origin, 'POST', RELAY_PATHS.read, { headers: { 'relay-read-cap': drop.readCap } })
}

export function remove(origin: string, drop: TestDrop): Promise<TestAnswer> {
  return call(origin, 'POST', RELAY_PATHS.delete, {
    headers: { 'relay-read-cap': drop.readCap, 'relay-delete-cap': drop.deleteCap },
  })
}

/** Ask the feed, waiting up to a second. */
export async function feed(
  origin: string,
  after: number,
  waitS = 1,
): Promise<{ cursor: number; records: Buffer[]; body: Buffer }> {
  const { body } = await call(origin, 'GET', `${RELAY_PATHS.feed}?after=${after}&wait=${waitS}`)
  const records = Array.from({ length: (body.length - 8) / 40 }, (_, index) => body.subarray(8 + index * 40, 48 + index * 40))
  return { cursor: Number(body.readBigUInt64BE()), records, body }
}

/** Follow the feed until it shows this many records behind a position. */
export async function feedUntil(origin: string, records: number, after = 0): Promise<void> {
  while ((await feed(origin, after)).records.length < records);
}
