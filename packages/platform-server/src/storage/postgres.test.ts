import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { postgres } from '../../test/engines.ts'
import type { Engine } from '../../test/place.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { type Cut, openProxy, type PostgresProxy } from '../../test/postgres-proxy.ts'
import { inPostgres, openThings, THINGS } from '../../test/things.ts'
import { type Database, OutcomeUnknown, type Tx } from './database.ts'
import { openPostgres } from './postgres.ts'

const insert = (tx: Tx, name: string) => tx.run('INSERT INTO things (name, amount) VALUES ($1, 0)', [name])
const countThings = (db: Database) => db.read((reader) => reader.get('SELECT count(*) AS n FROM things'))
const END_SELF = 'SELECT pg_terminate_backend(pg_backend_pid())'
const END_OTHERS =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

/** Say something to the database as somebody else. */
async function say(database: string | undefined, sql: string): Promise<void> {
  const client = new pg.Client(database)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function openAll(count: number) {
  const place = await postgres.open()
  const databases = await Promise.all(Array.from({ length: count }, () => openThings(place)))
  return {
    database: place.database,
    databases,
    db: databases[0] as Database,
    async [Symbol.asyncDispose]() {
      for (const db of databases) await db.close()
      await place[Symbol.asyncDispose]()
    },
  }
}

describe('the schema', () => {
  const migrations = THINGS.migrations.map(inPostgres)

  test('is made once, however many processes start at once', async () => {
    await using storage = await openAll(6)
    for (const [index, db] of storage.databases.entries()) await db.write((tx) => insert(tx, `thing-${index}`))
    expect(await countThings(storage.db)).toEqual({ n: 6n })
  })

  test('grows by the migrations that are new; one that fails leaves nothing behind', async () => {
    await using storage = await openAll(1)
    await storage.db.write((tx) => insert(tx, 'a'))
    const url = storage.database ?? ''
    const more = [...migrations, { version: 2, name: 'more', sql: 'CREATE TABLE more (name TEXT)' }]
    const broken = [
      ...more,
      { version: 3, name: 'broken', sql: 'CREATE TABLE later (name TEXT); CREATE TABLE things (name TEXT)' },
    ]
    await expect(openPostgres({ url, migrations: broken })).rejects.toThrow('already exists')

    const db = await openPostgres({ url, migrations: more })
    expect(await db.read((reader) => reader.all('SELECT * FROM more'))).toEqual([])
    expect(await db.read((reader) => reader.get(`SELECT to_regclass('later')::text AS later`))).toEqual({ later: null })
    expect(await countThings(db)).toEqual({ n: 1n })
    await db.close()
  })

  test('of a newer version, of another program, or that another program left, is not touched', async () => {
    await using newer = await openAll(1)
    await say(newer.database, `INSERT INTO schema_version VALUES (2, 'from-the-future')`)
    await expect(openThings({ directory: '', database: newer.database })).rejects.toThrow('written by a newer version (schema 2')
    await using other = await openAll(1)
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
    await using storage = await openAll(1)
    const more = [...migrations, { version: 2, name: 'more', sql: 'CREATE TABLE more (name TEXT)' }]
    await expect(look(storage.database ?? '', more)).rejects.toThrow(
      'written by an older version (schema 1, this program needs 2)',
    )

    const db = await look(storage.database ?? '')
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

describe('a connection that is lost', () => {
  test('before the commit: the work is done again, its effect happens once', async () => {
    await using storage = await openAll(1)
    let runs = 0
    let effects = 0
    await storage.db.write(async (tx) => {
      await insert(tx, 'a')
      tx.onCommit(() => effects++)
      if (++runs < 3) await tx.all(END_SELF)
    })
    expect([runs, effects]).toEqual([3, 1])
    expect(await countThings(storage.db)).toEqual({ n: 1n })
  })

  test('while nothing is done: nobody notices', async () => {
    await using storage = await openAll(1)
    await Promise.all(['a', 'b', 'c'].map((name) => storage.db.write((tx) => insert(tx, name))))
    await say(storage.database, END_OTHERS)
    expect(await countThings(storage.db)).toEqual({ n: 3n })
  })

  test('again and again is refused as unavailable', async () => {
    await using storage = await openAll(1)
    const lost = storage.db.write((tx) => tx.all(END_SELF))
    await expect(lost).rejects.toMatchObject({ name: 'Refusal', code: 'unavailable' })
  })
})

test('a statement that failed and was swallowed commits nothing and says so', async () => {
  await using storage = await openAll(1)
  const swallowed = storage.db.write(async (tx) => {
    await insert(tx, 'a')
    await insert(tx, 'a').catch(() => {})
  })
  await expect(swallowed).rejects.toThrow('nothing was committed')
  expect(await countThings(storage.db)).toEqual({ n: 0n })
})

describe('words between processes', () => {
  test('reach the others, each word once, and not the one who says them', async () => {
    await using storage = await openAll(3)
    const heard: string[][] = storage.databases.map(() => [])
    for (const [index, db] of storage.databases.entries()) db.signals.hear((topic) => heard[index]?.push(topic))
    const topics = Array.from({ length: 1_000 }, (_, index) => `agent-${index}-${'x'.repeat(40)}`)
    for (const topic of [...topics, ...topics]) storage.db.signals.tell(topic)
    await expect.poll(() => heard.map((each) => each.length), { timeout: 10_000 }).toEqual([0, 1_000, 1_000])

    expect(heard[1]?.toSorted()).toEqual(topics.toSorted())
  })

  test('are heard again after the connection was lost', async () => {
    await using storage = await openAll(2)
    const heard: string[] = []
    storage.databases[1]?.signals.hear((topic) => heard.push(topic))
    await say(storage.database, END_OTHERS)
    const talking = setInterval(() => storage.db.signals.tell('word'), 100)
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThan(0)
    clearInterval(talking)
  })

  test('wake who waits for events in another process', async () => {
    await using place = await postgres.open()
    const engine: Engine = { name: 'PostgreSQL', open: async () => ({ ...place, async [Symbol.asyncDispose]() {} }) }
    await using one = await openTestPlatform([], {}, { engine })
    await using other = await openTestPlatform([], {}, { engine })
    const agent = await one.agent('agent')
    const elsewhere = await other.resume(agent)
    const waiting = elsewhere.api.events.wait({ after: 0, timeoutMs: 25_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await agent.api.settlement.deposit({ amount: '5' })

    expect((await waiting).events.map((event) => event.kind)).toEqual(['deposit.credited'])
  }, 15_000)
})

describe('a commit whose answer is lost', () => {
  /** The engine behind a proxy that can cut its connections. */
  function proxied(): { engine: Engine; proxy: () => PostgresProxy } {
    let proxy: PostgresProxy
    const open = async () => {
      const place = await postgres.open()
      proxy = await openProxy(place.database ?? '')
      const close = async () => {
        await proxy[Symbol.asyncDispose]()
        await place[Symbol.asyncDispose]()
      }
      return { directory: place.directory, database: proxy.address, [Symbol.asyncDispose]: close }
    }
    return { engine: { name: 'PostgreSQL', open }, proxy: () => proxy }
  }

  test('is told as an unknown outcome', async () => {
    const { engine, proxy } = proxied()
    await using place = await engine.open()
    const db = await openThings(place)
    proxy().cutNext('unanswered')
    await expect(db.write((tx) => insert(tx, 'a'))).rejects.toThrow(OutcomeUnknown)
    await expect.poll(() => countThings(db)).toEqual({ n: 1n })
    await db.close()
  })

  test.each<Cut>(['unanswered', 'unsent', 'late'])('%s: the idempotency key tells, and there is one effect', async (cut) => {
    const { engine, proxy } = proxied()
    await using platform = await openTestPlatform([], {}, { engine })
    const agent = await platform.agent('agent')
    proxy().cutNext(cut)
    const reply = await agent.as('key-1').settlement.deposit({ amount: '5' })
    const before = await digestState(platform)

    expect(reply).toMatchObject({ available: '5' })
    expect(await agent.as('key-1').settlement.deposit({ amount: '5' })).toEqual(reply)
    expect(await agent.api.settlement.balance({})).toEqual({ available: '5', held: '0' })
    expect(await digestState(platform)).toBe(before)
  })
})
