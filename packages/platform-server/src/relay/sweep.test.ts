import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { feed, feedUntil, makeDrop, put, read, remove } from './test-drop.ts'
import { startTestRelay, type TestRelay } from './test-relay.ts'

const HOUR_MS = 3_600_000
/** Ten minutes past an hour. */
const START_MS = 500_000 * HOUR_MS + 600_000

let nowMs = START_MS
let relay: TestRelay
beforeEach(async () => {
  nowMs = START_MS
  relay = await startTestRelay({ now: () => nowMs })
})
afterEach(() => relay[Symbol.asyncDispose]())

test.each([
  ['1h', 2],
  ['24h', 25],
  ['7d', 169],
])('a slot of %s is there until the hour it was promised for, and not a moment longer', async (ttl, hours) => {
  const drop = makeDrop({ ttl })
  await put(relay.origin, drop)
  const goneAtMs = 500_000 * HOUR_MS + hours * HOUR_MS

  nowMs = goneAtMs - 1
  expect(await relay.plane.sweep()).toBe(0)
  expect((await read(relay.origin, drop)).status).toBe(200)

  nowMs = goneAtMs
  const expired = await read(relay.origin, drop)
  expect(expired).toEqual(await read(relay.origin, makeDrop()))
  expect((await remove(relay.origin, drop)).status).toBe(404)
})

test('a slot on the hour is not kept an hour too long', async () => {
  nowMs = 500_000 * HOUR_MS
  const drop = makeDrop({ ttl: '1h' })
  await put(relay.origin, drop)
  nowMs += HOUR_MS
  expect((await read(relay.origin, drop)).status).toBe(404)
})

test('the sweep leaves no byte of what expired, and everything else', async () => {
  const [short, long] = [makeDrop({ ttl: '1h' }), makeDrop({ ttl: '24h' })]
  for (const drop of [short, long]) await put(relay.origin, drop)
  await feedUntil(relay.origin, 2)
  expect((await bytesOnDisk(relay)).includes(short.body)).toBe(true)

  nowMs += 2 * HOUR_MS
  expect(await relay.plane.sweep()).toBe(2)

  expect((await read(relay.origin, long)).status).toBe(200)
  expect(await feed(relay.origin, 0, 0)).toMatchObject({ records: [long.record] })
  const left = await bytesOnDisk(relay)
  expect(left.includes(short.body.subarray(0, 64))).toBe(false)
  expect(left.includes(short.record)).toBe(false)
  expect(left.includes(Buffer.from(short.slotId, 'base64url'))).toBe(false)
  expect(left.includes(Buffer.from(short.headers['relay-delete-hash'] ?? '', 'base64url'))).toBe(false)
  expect(left.includes(long.body)).toBe(true)
  expect(left.includes(long.record)).toBe(true)
})

test('an expired slot can be filled again before the sweep has been there', async () => {
  const drop = makeDrop({ ttl: '1h' })
  await put(relay.origin, drop)
  nowMs += 2 * HOUR_MS
  const body = randomBytes(16_384)

  expect((await put(relay.origin, { ...drop, body })).status).toBe(204)
  expect((await read(relay.origin, drop)).body.equals(body)).toBe(true)
  expect(await blobNames(relay)).toHaveLength(1)
  expect(await relay.plane.sweep()).toBe(1)
  expect((await read(relay.origin, drop)).status).toBe(200)
})

test('the space of expired slots and records is there again, and a full relay says so', async () => {
  await using small = await startTestRelay({ now: () => nowMs, capBytes: 2 * 16_384 + 2 * 64 })
  const [one, two, three] = [makeDrop(), makeDrop(), makeDrop()]
  await put(small.origin, one)
  await put(small.origin, two)
  const full = await put(small.origin, three)
  expect(full.status).toBe(503)
  expect(full.body.toString()).toBe('{"code":"storage_full"}')
  expect((await put(small.origin, two)).status).toBe(204)
  expect((await read(small.origin, one)).status).toBe(200)

  await using again = await small.restart()
  expect((await put(again.origin, three)).status).toBe(503)
  await feedUntil(again.origin, 2)

  nowMs += 2 * HOUR_MS
  await again.plane.sweep()
  expect((await put(again.origin, three)).status).toBe(204)
  expect((await put(again.origin, makeDrop())).status).toBe(204)
  expect((await put(again.origin, makeDrop())).status).toBe(503)
})

test('deleting a slot makes room for another body but not for endless records', async () => {
  await using small = await startTestRelay({ capBytes: 16_384 + 3 * 64 })
  for (const expected of [204, 204, 204, 503]) {
    const drop = makeDrop()
    expect((await put(small.origin, drop)).status).toBe(expected)
    await remove(small.origin, drop)
  }
})

test('bodies that no slot refers to go at the next start, and half-written ones too', async () => {
  const drop = makeDrop()
  await put(relay.origin, drop)
  const orphan = randomBytes(16).toString('hex')
  await writeFile(join(relay.directory, 'blobs', orphan.slice(0, 2), orphan), randomBytes(16_384))
  await writeFile(join(relay.directory, 'blobs', 'tmp', randomBytes(16).toString('hex')), randomBytes(1_000))

  await using again = await relay.restart()

  expect(await blobNames(again)).toHaveLength(1)
  expect((await read(again.origin, drop)).status).toBe(200)
})

test('bodies that no slot refers to go with the sweep, once an hour', async () => {
  const drop = makeDrop({ ttl: '24h' })
  await put(relay.origin, drop)
  await feedUntil(relay.origin, 1)
  const orphan = randomBytes(16).toString('hex')
  await writeFile(join(relay.directory, 'blobs', orphan.slice(0, 2), orphan), randomBytes(16_384))

  nowMs += HOUR_MS
  expect(await relay.plane.sweep()).toBe(1)
  expect(await blobNames(relay)).toHaveLength(1)
  expect((await read(relay.origin, drop)).status).toBe(200)
})

test('the sweep takes no body from uploads that are under way', async () => {
  const drops = Array.from({ length: 40 }, () => makeDrop({ ttl: '24h' }))
  const uploads = Promise.all(drops.map((drop) => put(relay.origin, drop)))
  const sweeps = (async () => {
    for (let round = 1; round <= 5; round++) {
      nowMs += HOUR_MS
      await relay.plane.sweep()
    }
  })()
  await Promise.all([uploads, sweeps])

  for (const drop of drops) expect((await read(relay.origin, drop)).status).toBe(200)
})

test('a slot whose body the disk has lost is as if it never was, and takes an upload again', async () => {
  const drop = makeDrop()
  await put(relay.origin, drop)
  const [name] = await blobNames(relay)
  await rm(join(relay.directory, 'blobs', name!))

  expect((await read(relay.origin, drop)).status).toBe(404)
  expect((await put(relay.origin, drop)).status).toBe(204)
  expect((await read(relay.origin, drop)).body.equals(drop.body)).toBe(true)
})

async function blobNames({ directory }: TestRelay): Promise<string[]> {
  return (await readdir(join(directory, 'blobs'), { recursive: true })).filter((path) => path.length > 3)
}

async function bytesOnDisk({ directory }: TestRelay): Promise<Buffer> {
  const names = await readdir(directory, { recursive: true })
  const files = await Promise.all(
    names.map(async (name) => ((await stat(join(directory, name))).isFile() ? readFile(join(directory, name)) : Buffer.alloc(0))),
  )
  return Buffer.concat(files)
}
