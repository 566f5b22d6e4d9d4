import { describe, expect, test } from 'vitest'
import { postgres } from '../../test/engines.ts'
import { countThings, insertThing, openSeveral, say } from '../../test/several-opened.ts'
import { inPostgres, openThings, THINGS } from '../../test/things.ts'
import { openPostgres } from './postgres.ts'

describe('the schema', () => {
  const migrations = THINGS.migrations.map(inPostgres)

  test('is made once, however many processes start at once', async () => {
    await using storage = await openSeveral(6)
    for (const [index, db] of storage.databases.entries()) await db.write((tx) => insertThing(tx, `thing-${index}`))
    expect(await countThings(storage.db)).toEqual({ n: 6n })
  })

  test('grows by the migrations that are new; one that fails leaves nothing behind', async () => {
    await using storage = await openSeveral(1)
    await storage.db.write((tx) => insertThing(tx, 'a'))
    const url = storage.database
    const more = [...migrations, { version: 2, name: 'more', sql: 'CREATE TABLE more (name TEXT)' }]
    const broken = [
      ...more,
      { version: 3, name: 'broken', sql: 'CREATE TABLE later (name TEXT); CREATE TABLE things (name TEXT)', worksFrom: 1 },
    ]
    await expect(openPostgres({ url, migrations: broken })).rejects.toThrow('already exists')

    const db = await openPostgres({ url, migrations: more })
    expect(await db.read((reader) => reader.all('SELECT * FROM more'))).toEqual([])
    expect(await db.read((reader) => reader.get(`SELECT to_regclass('later')::text AS later`))).toEqual({ later: null })
    expect(await countThings(db)).toEqual({ n: 1n })
    await db.close()
  })

  test('newer than this program is used as long as it says that it may, and is not taken away while it is used', async () => {
    await using storage = await openSeveral(1)
    const url = storage.database
    const expand = { version: 2, name: 'expand', sql: 'ALTER TABLE things ADD COLUMN colour TEXT' }
    const contract = { version: 3, name: 'contract', sql: 'ALTER TABLE things DROP COLUMN content', worksFrom: 2 }
    const next = await openPostgres({ url, migrations: [...migrations, expand] })
    const another = await openThings({ directory: '', database: url })
    await another.write((tx) => insertThing(tx, 'a'))
    await another.close()

    const later = { url, migrations: [...migrations, expand, contract] }
    await expect(openPostgres(later)).rejects.toThrow('a server of schema 1 is at work on it')
    await storage.db.close()
    const newest = await openPostgres(later)
    expect(await countThings(next)).toEqual({ n: 1n })
    await expect(openThings({ directory: '', database: url })).rejects.toThrow('written by a newer version (schema 3')
    for (const db of [next, newest]) await db.close()
  })

  test('that changes under a statement that is prepared already does not disturb it', async () => {
    await using storage = await openSeveral(1)
    const read = () => storage.db.read((reader) => reader.all('SELECT * FROM things ORDER BY name'))
    // Many connections have it prepared.
    await Promise.all(Array.from({ length: 32 }, read))
    await say(storage.database, 'ALTER TABLE things ADD COLUMN colour BIGINT NOT NULL DEFAULT 7')
    await storage.db.write((tx) => insertThing(tx, 'a'))

    for (const rows of await Promise.all(Array.from({ length: 32 }, read)))
      expect(rows).toMatchObject([{ name: 'a', colour: 7n }])
  })

  test('of a newer version, of another program, or that another program left, is not touched', async () => {
    await using newer = await openSeveral(1)
    await say(newer.database, `INSERT INTO schema_version VALUES (2, 'from-the-future')`)
    await expect(openThings({ directory: '', database: newer.database })).rejects.toThrow('written by a newer version (schema 2')
    await using other = await openSeveral(1)
    await say(other.database, `UPDATE schema_version SET name = 'animals'`)
    await expect(openThings({ directory: '', database: other.database })).rejects.toThrow('not a database of this program')
    await using foreign = await postgres.open()
    await say(foreign.database, 'CREATE TABLE diary (entry TEXT)')
    await expect(openThings(foreign)).rejects.toThrow('not a database of this program, and not empty')
    await expect(say(foreign.database, 'SELECT * FROM schema_version')).rejects.toThrow('does not exist')
  })

  test('is not made, and does not grow, for somebody who only looks', async () => {
    await using empty = await postgres.open()
    const look = (url: string, wanted = migrations) => openPostgres({ url, migrations: wanted, readOnly: true })
    await expect(look(empty.database ?? '')).rejects.toThrow('no data where they were expected')
    await expect(say(empty.database, 'SELECT * FROM schema_version')).rejects.toThrow('does not exist')
    await using storage = await openSeveral(1)
    const more = [...migrations, { version: 2, name: 'more', sql: 'CREATE TABLE more (name TEXT)' }]
    await expect(look(storage.database, more)).rejects.toThrow('written by an older version (schema 1, this program needs 2)')

    const db = await look(storage.database)
    expect(await countThings(db)).toEqual({ n: 0n })
    await db.close()
  })

  test('needs UTF-8, and a database that can be reached; no password is told', async () => {
    await using place = await postgres.open()
    await say(place.database, `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
    const latin = place.database?.replace(/test_[0-9]+/, 'latin') ?? ''
    await expect(openThings({ directory: '', database: latin })).rejects.toThrow('its encoding is not UTF8')
    await say(place.database, 'DROP DATABASE latin')
    const unreachable = openThings({ directory: '', database: 'postgres://somebody:secret@127.0.0.1:1/nowhere' })
    await expect(unreachable).rejects.toThrow(/^--database: cannot be reached: (?!.*secret)/)
    await expect(openThings({ directory: '', database: latin })).rejects.toThrow('--database: database "latin" does not exist')
  })
})
