import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { RELAY_PATHS, SIZE_CLASSES } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from './test-digest.ts'
import { makeDrop, put, read, remove } from './test-drop.ts'
import { call, startTestRelay, type TestRelay } from './test-relay.ts'

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())

describe('a slot', () => {
  test.each(SIZE_CLASSES)('gives back the %d bytes that were put into it, as often as it is asked', async (bytes) => {
    const drop = makeDrop({ bytes })

    expect((await put(relay.origin, drop)).status).toBe(204)
    for (const answer of [await read(relay.origin, drop), await read(relay.origin, drop)]) {
      expect(answer.status).toBe(200)
      expect(answer.body.equals(drop.body)).toBe(true)
    }
  })

  test('takes the same bytes again and keeps the ones it has against others', async () => {
    const drop = makeDrop()
    await put(relay.origin, drop)
    const before = await digestOf(relay)

    const again = await put(relay.origin, drop)
    const others = await put(relay.origin, { ...drop, body: randomBytes(16_384) })
    const oneBitOff = await put(relay.origin, { ...drop, body: withLastBitFlipped(drop.body) })
    const otherClass = await put(relay.origin, { ...drop, body: randomBytes(65_536) })
    const otherDeleter = await put(relay.origin, drop, { 'relay-delete-hash': makeDrop().headers['relay-delete-hash'] ?? '' })

    expect(again.status).toBe(204)
    for (const answer of [others, oneBitOff, otherClass, otherDeleter]) {
      expect(answer.status).toBe(409)
      expect(answer.body.toString()).toBe('{"code":"already_exists"}')
    }
    expect(await digestOf(relay)).toBe(before)
    expect((await read(relay.origin, drop)).body.equals(drop.body)).toBe(true)
  })

  test('is deleted by both caps together, with its bytes', async () => {
    const drop = makeDrop()
    await put(relay.origin, drop)
    const before = await digestOf(relay)

    const wrong = await remove(relay.origin, { ...drop, deleteCap: makeDrop().deleteCap })
    expect(wrong.status).toBe(404)
    expect(await digestOf(relay)).toBe(before)

    const files = await blobCount(relay)
    expect((await remove(relay.origin, drop)).status).toBe(204)
    expect((await read(relay.origin, drop)).status).toBe(404)
    expect(await blobCount(relay)).toBe(files - 1)
  })

  test('that is unknown, deleted, or asked for with a wrong cap gives one and the same answer', async () => {
    const deleted = makeDrop()
    await put(relay.origin, deleted)
    await remove(relay.origin, deleted)
    const present = makeDrop()
    await put(relay.origin, present)

    const answers = [
      await read(relay.origin, makeDrop()),
      await read(relay.origin, deleted),
      await remove(relay.origin, deleted),
      await remove(relay.origin, { ...present, deleteCap: makeDrop().deleteCap }),
      await remove(relay.origin, { ...present, readCap: makeDrop().readCap }),
    ]

    expect(answers[0]?.body.toString()).toBe('{"code":"not_found"}')
    for (const answer of answers) expect(answer).toEqual(answers[0])
  })

  test('has one winner among ten parallel uploads, and every loser is told', async () => {
    const drop = makeDrop()
    const bodies = Array.from({ length: 10 }, () => randomBytes(16_384))
    const files = await blobCount(relay)

    const answers = await Promise.all(bodies.map((body) => put(relay.origin, { ...drop, body })))

    expect(answers.map((answer) => answer.status).sort()).toEqual([204, ...Array(9).fill(409)])
    const winner = bodies[answers.findIndex((answer) => answer.status === 204)]
    expect((await read(relay.origin, drop)).body.equals(winner!)).toBe(true)
    expect(await blobCount(relay)).toBe(files + 1)
  })

  test('takes ten parallel uploads of the same bytes as one', async () => {
    const drop = makeDrop({ bytes: 262_144 })
    const files = await blobCount(relay)

    const answers = await Promise.all(Array.from({ length: 10 }, () => put(relay.origin, drop)))

    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(204))
    expect(await blobCount(relay)).toBe(files + 1)
  })

  test('may be filled anew after it was deleted', async () => {
    const drop = makeDrop()
    await put(relay.origin, drop)
    await remove(relay.origin, drop)

    const body = randomBytes(16_384)
    expect((await put(relay.origin, { ...drop, body })).status).toBe(204)
    expect((await read(relay.origin, drop)).body.equals(body)).toBe(true)
  })

  test('waits for the word to go on before it takes the body of a careful client', async () => {
    const drop = makeDrop()
    const answer = await put(relay.origin, drop, { expect: '100-continue' })
    expect(answer.status).toBe(204)
  })
})

describe('what the disk tells', () => {
  test('neither the index nor the files say when or in which order slots were filled or read', async () => {
    await using fresh = await startTestRelay()
    for (const drop of [makeDrop(), makeDrop()]) {
      await put(fresh.origin, drop)
      await read(fresh.origin, drop)
    }
    const columns = await fresh.db.read((reader) => reader.all("SELECT name FROM pragma_table_info('slots')"))
    expect(columns.map((column) => column.name)).toEqual(['slot_id', 'delete_hash', 'size_class', 'expiry_hour', 'blob_ref'])
    await expect(fresh.db.read((reader) => reader.all('SELECT rowid FROM slots'))).rejects.toThrow('no such column')

    const blobs = join(fresh.directory, 'blobs')
    const files = await blobNames(fresh)
    expect(files).toHaveLength(2)
    for (const path of [...files, ...files.map((file) => dirname(file)), 'tmp']) {
      const { mtimeMs, mode } = await stat(join(blobs, path))
      expect(mtimeMs % 3_600_000).toBe(0)
      expect(mode & 0o077).toBe(0)
    }
    for (const file of files) expect((await stat(join(blobs, file))).atimeMs % 3_600_000).toBe(0)
  })

  test('no slot, cap or body is named in a path of the disk', async () => {
    const drop = makeDrop()
    await put(relay.origin, drop)
    const names = (await readdir(join(relay.directory, 'blobs'), { recursive: true })).join('\n')
    for (const secret of [drop.slotId, drop.readCap, drop.deleteCap, drop.headers['relay-delete-hash'] ?? '']) {
      expect(names).not.toContain(secret)
      expect(names).not.toContain(Buffer.from(secret, 'base64url').toString('hex'))
    }
  })
})

test('with tokens off there are no keys, and a token is not looked at', async () => {
  const keys = await call(relay.origin, 'GET', RELAY_PATHS.keys)
  expect(keys.body.toString()).toBe('{"epochs":[]}')
  expect((await put(relay.origin, makeDrop(), { 'relay-token': 'whatever' })).status).toBe(204)
})

function withLastBitFlipped(body: Buffer): Buffer {
  const other = Buffer.from(body)
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
  return other
}

async function blobNames({ directory }: TestRelay): Promise<string[]> {
  return (await readdir(join(directory, 'blobs'), { recursive: true })).filter((path) => path.length > 3)
}

async function blobCount(relay: TestRelay): Promise<number> {
  return (await blobNames(relay)).length
}
