import { hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestRelay } from './test-relay.ts'

const STATE = [
  'SELECT * FROM slots',
  'SELECT * FROM spent_tokens',
  // A tick may fall between two digests: it moves records and adds none.
  'SELECT record, expiry_hour FROM feed_pending UNION ALL SELECT record, expiry_hour FROM feed_records ORDER BY record',
]

/** A digest of everything the relay keeps: equal digests mean that nothing changed. */
export async function digestOf({ db, directory }: TestRelay): Promise<string> {
  const rows = await db.read((reader) => Promise.all(STATE.map((sql) => reader.all(sql))))
  const blobs = join(directory, 'blobs')
  const names = (await readdir(blobs, { recursive: true })).filter((name) => name.length > 3).sort()
  const files = await Promise.all(names.map(async (name) => [name, hash('sha256', await readFile(join(blobs, name)))]))
  const text = JSON.stringify([rows, files], (_, value) => (typeof value === 'bigint' ? String(value) : value))
  return hash('sha256', text)
}

/** Run a request that must be refused: the stated code, a small answer that repeats nothing, and nothing changed. */
export async function expectRefusal(
  relay: TestRelay,
  send: () => Promise<{ status: number; body: Buffer }>,
  status: number,
  code: string,
): Promise<void> {
  const before = await digestOf(relay)
  const answer = await send()
  expect(answer.status).toBe(status)
  expect(answer.body.toString()).toBe(JSON.stringify({ code }))
  expect(await digestOf(relay)).toBe(before)
  expect(relay.faults).toEqual([])
}
