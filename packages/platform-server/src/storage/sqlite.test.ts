import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { type Place, sqlite } from '../../test/place.ts'
import { openThings, THINGS } from '../../test/things.ts'
import type { Database, Tx } from './database.ts'
import { openSqlite } from './sqlite.ts'

const WAL_HEADER_BYTES = 32
const WAL_FRAME_BYTES = 24 + 4_096

const insert = (tx: Tx, name: string, amount = 0) => tx.run('INSERT INTO things (name, amount) VALUES ($1, $2)', [name, amount])

const fileOf = ({ directory }: Pick<Place, 'directory'>) => join(directory, 'things.sqlite')

async function openStorage() {
  const place = await sqlite.open()
  const db = await openThings(place)
  const outside = new DatabaseSync(fileOf(place), { readOnly: true })
  return {
    db,
    file: fileOf(place),
    /** What another connection sees: what is committed. */
    committed: () =>
      outside
        .prepare('SELECT name FROM things ORDER BY name')
        .all()
        .map(({ name }) => String(name)),
    async [Symbol.asyncDispose]() {
      outside.close()
      await db.close()
      await place[Symbol.asyncDispose]()
    },
  }
}

describe('a group of transactions', () => {
  test('is answered after its commit, and not before', async () => {
    await using storage = await openStorage()
    const names = ['a', 'b', 'c', 'd']
    const atWork = new Map<string, boolean>()
    const atAnswer = new Map<string, boolean>()
    const write = async (name: string) => {
      await storage.db.write(async (tx) => {
        await insert(tx, name)
        atWork.set(name, storage.committed().includes(name))
      })
      atAnswer.set(name, storage.committed().includes(name))
    }
    await Promise.all(names.map(write))

    expect(atWork).toEqual(new Map(names.map((name) => [name, false])))
    expect(atAnswer).toEqual(new Map(names.map((name) => [name, true])))
  })

  test('shares one commit: what is waiting does not sync the disk one by one', async () => {
    await using storage = await openStorage()
    const frames = () => (statSync(`${storage.file}-wal`).size - WAL_HEADER_BYTES) / WAL_FRAME_BYTES
    const before = frames()
    await Promise.all(Array.from({ length: 40 }, (_, index) => storage.db.write((tx) => insert(tx, `thing-${index}`))))

    expect(storage.committed()).toHaveLength(40)
    // One by one they would be 80: a page of the table and one of its index for each.
    expect(frames() - before).toBeLessThan(20)
  })

  test('loses what one of it refuses, and keeps the others', async () => {
    await using storage = await openStorage()
    const refused = (name: string) =>
      storage.db.write(async (tx) => {
        await insert(tx, name)
        throw new Error(`no ${name}`)
      })
    const kept = (name: string) => storage.db.write((tx) => insert(tx, name))
    const results = await Promise.allSettled([kept('a'), refused('b'), kept('c'), refused('d'), kept('e')])

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(storage.committed()).toEqual(['a', 'c', 'e'])
  })

  test('loses the one whose statement fails: not unique, out of range, not SQL, not an integer', async () => {
    await using storage = await openStorage()
    const { db } = storage
    const results = await Promise.allSettled([
      db.write((tx) => insert(tx, 'a')),
      db.write((tx) => insert(tx, 'a')),
      db.write((tx) => insert(tx, 'b', -1)),
      db.write((tx) => tx.run('INSERT INTO nowhere VALUES (1)')),
      db.write((tx) => tx.run(`INSERT INTO things (name, amount) VALUES ('c', 'much')`)),
      db.write((tx) => insert(tx, 'd')),
    ])

    expect(results.map(({ status }) => status[0])).toEqual(['f', 'r', 'r', 'r', 'r', 'f'])
    expect(storage.committed()).toEqual(['a', 'd'])
  })

  test('that has no space is refused as a whole, tells nobody, and leaves the next one alone', async () => {
    await using storage = await openStorage()
    const { db } = storage
    await db.write((tx) => insert(tx, 'before'))
    const pages = await db.read((reader) => reader.get('PRAGMA page_count'))
    await db.write((tx) => tx.all(`PRAGMA max_page_count = ${pages?.page_count}`))
    const effects: string[] = []
    const full = db.write(async (tx) => {
      tx.onCommit(() => effects.push('effect'))
      await insert(tx, 'x'.repeat(100_000))
    })
    await expect(full).rejects.toMatchObject({ name: 'Refusal', code: 'storage_full', status: 503 })
    expect(storage.committed()).toEqual(['before'])
    await db.write((tx) => tx.all('PRAGMA max_page_count = 4294967294'))
    await db.write((tx) => insert(tx, 'x'.repeat(100_000)))

    expect(storage.committed()).toHaveLength(2)
    expect(effects).toEqual([])
  })

  test('many writers and readers at once, some refused: what was answered is there, and nothing else', async () => {
    await using storage = await openStorage()
    const { db } = storage
    const names = Array.from({ length: 500 }, (_, index) => `thing-${String(index).padStart(3, '0')}`)
    const reads: Promise<bigint>[] = []
    const results = await Promise.allSettled(
      names.map(async (name, index) => {
        if (index % 10 === 0)
          reads.push(db.read(async (reader) => (await reader.get('SELECT count(*) AS n FROM things'))?.n as bigint))
        await db.write(async (tx) => {
          await insert(tx, name)
          if (index % 7 === 0) throw new Error('no')
        })
        return name
      }),
    )

    const answered = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    expect(answered).toEqual(names.filter((_, index) => index % 7 !== 0))
    expect(storage.committed()).toEqual(answered)
    for (const count of await Promise.all(reads)) expect(count).toBeLessThanOrEqual(BigInt(answered.length))
  })
})

test('the engine says what it promises: WAL, every commit synced, references checked', async () => {
  await using storage = await openStorage()
  const pragma = (name: string) => storage.db.write(async (tx) => Object.values((await tx.get(`PRAGMA ${name}`)) ?? {})[0])
  expect(await pragma('journal_mode')).toBe('wal')
  expect(await pragma('synchronous')).toBe(2n)
  expect(await pragma('foreign_keys')).toBe(1n)
})

describe('the schema of a file', () => {
  const more = { version: 2, name: 'more', sql: 'CREATE TABLE more (name TEXT) STRICT' }
  const broken = { version: 3, name: 'broken', sql: 'CREATE TABLE later (name TEXT) STRICT; CREATE TABLE things (name TEXT)' }
  const tablesOf = (db: Database) =>
    db.read(async (reader) => (await reader.all('SELECT name FROM sqlite_master ORDER BY name')).map(({ name }) => name))

  test('grows by the migrations that are new; the data stay', async () => {
    await using place = await sqlite.open()
    const first = await openThings(place)
    await first.write((tx) => insert(tx, 'a'))
    await first.close()
    const grown = { ...THINGS, migrations: [...THINGS.migrations, more], path: fileOf(place), create: false }
    for (const opened of [1, 2]) {
      const db = openSqlite(grown)
      expect(await db.read((reader) => reader.get('SELECT count(*) AS n FROM things')), `opened ${opened}`).toEqual({ n: 1n })
      expect(await tablesOf(db)).toContain('more')
      await db.close()
    }
  })

  test('does not grow by half: a migration that fails leaves what was there before it', async () => {
    await using place = await sqlite.open()
    const first = await openThings(place)
    await first.write((tx) => insert(tx, 'a'))
    await first.close()
    const path = fileOf(place)
    const failing = { ...THINGS, migrations: [...THINGS.migrations, more, broken], path, create: false }
    expect(() => openSqlite(failing)).toThrow('already exists')

    const db = openSqlite({ ...failing, migrations: [...THINGS.migrations, more] })
    expect(await tablesOf(db)).not.toContain('later')
    await db.close()
    const bytes = readFileSync(path)
    expect(() => openSqlite({ ...THINGS, path, create: false })).toThrow(
      'written by a newer version (schema 2, this program knows 1)',
    )
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })
})
