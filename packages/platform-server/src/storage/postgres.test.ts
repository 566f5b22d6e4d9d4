import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { postgres } from '../../test/engines.ts'
import type { Engine } from '../../test/place.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { type Cut, openProxy, type PostgresProxy } from '../../test/postgres-proxy.ts'
import { countThings, END_OTHERS, END_SELF, insertThing, openSeveral, say } from '../../test/several-opened.ts'
import { inPostgres, openThings, THINGS } from '../../test/things.ts'
import { type Database, OutcomeUnknown, type Tx } from './database.ts'
import { openPostgres } from './postgres.ts'

describe('a connection that is lost', () => {
  test('before the commit: the work is done again, its effect happens once', async () => {
    await using storage = await openSeveral(1)
    let runs = 0
    let effects = 0
    await storage.db.write(async (tx) => {
      await insertThing(tx, 'a')
      tx.onCommit(() => effects++)
      if (++runs < 3) await tx.all(END_SELF)
    })
    expect([runs, effects]).toEqual([3, 1])
    expect(await countThings(storage.db)).toEqual({ n: 1n })
  })

  test('while nothing is done: nobody notices', async () => {
    await using storage = await openSeveral(1)
    await Promise.all(['a', 'b', 'c'].map((name) => storage.db.write((tx) => insertThing(tx, name))))
    await say(storage.database, END_OTHERS)
    expect(await countThings(storage.db)).toEqual({ n: 3n })
  })

  test('again and again is refused as unavailable', async () => {
    await using storage = await openSeveral(1)
    const lost = storage.db.write((tx) => tx.all(END_SELF))
    await expect(lost).rejects.toMatchObject({ name: 'Refusal', code: 'unavailable' })
  })
})

describe('a database that only reads', () => {
  const onlyReads = async (tx: Tx) => {
    await tx.run('SET TRANSACTION READ ONLY')
    await insertThing(tx, 'a')
  }

  test('for a moment, because another takes its place: the work is done on a new connection', async () => {
    await using storage = await openSeveral(1)
    const connections = new Set<unknown>()
    await storage.db.write(async (tx) => {
      connections.add((await tx.get('SELECT pg_backend_pid() AS pid'))?.pid)
      await (connections.size < 3 ? onlyReads(tx) : insertThing(tx, 'a'))
    })
    expect(connections.size).toBe(3)
    expect(await countThings(storage.db)).toEqual({ n: 1n })
  })

  test('again and again is refused as unavailable', async () => {
    await using storage = await openSeveral(1)
    await expect(storage.db.write(onlyReads)).rejects.toMatchObject({ name: 'Refusal', code: 'unavailable' })
    expect(await countThings(storage.db)).toEqual({ n: 0n })
  })
})

test('a lock that did not come in the time that the database grants is refused as overloaded', async () => {
  await using storage = await openSeveral(2)
  const [db, other] = storage.databases as [Database, Database]
  await db.write((tx) => insertThing(tx, 'a'))
  const change = 'UPDATE things SET amount = amount + 1'
  await db.write(async (tx) => {
    await tx.run(change)
    const waiting = other.write(async (late) => {
      await late.run("SET LOCAL lock_timeout = '5ms'")
      await late.run(change)
    })
    await expect(waiting).rejects.toMatchObject({ name: 'Refusal', code: 'overloaded' })
  })
})

describe('a database that falls silent', () => {
  /** Longer than a busy machine lets a statement wait. */
  const SILENCE_MS = 1_500
  const PATIENCE_MS = 15_000

  async function openSilenced(): Promise<AsyncDisposable & { db: Database; proxy: PostgresProxy }> {
    const place = await postgres.open()
    const proxy = await openProxy(place.database ?? '')
    const migrations = THINGS.migrations.map(inPostgres)
    const db = await openPostgres({ url: proxy.address, migrations, silenceMs: SILENCE_MS })
    const dispose = async () => {
      // First, so that whoever waits for an answer does not wait here.
      await proxy[Symbol.asyncDispose]()
      await db.close()
      await place[Symbol.asyncDispose]()
    }
    return { db, proxy, [Symbol.asyncDispose]: dispose }
  }

  test('before the commit: the call is refused as unavailable, and the next one finds a connection', async () => {
    await using silenced = await openSilenced()
    const { db, proxy } = silenced
    const silent = db.write(async (tx) => {
      proxy.fallSilent()
      await insertThing(tx, 'a')
    })
    const told = await Promise.race([silent.catch((error: unknown) => error), pause(PATIENCE_MS, 'nothing')])
    expect(told).toMatchObject({ name: 'Refusal', code: 'unavailable' })
    await db.write((tx) => insertThing(tx, 'b'))
    expect(await countThings(db)).toEqual({ n: 1n })
  })

  test('at the commit: the outcome is unknown', async () => {
    await using silenced = await openSilenced()
    const { db, proxy } = silenced
    const silent = db.write(async (tx) => {
      await insertThing(tx, 'a')
      proxy.fallSilent()
    })
    await expect(silent).rejects.toThrow(OutcomeUnknown)
  })

  test('words are told and heard over a new connection', async () => {
    await using silenced = await openSilenced()
    const { db, proxy } = silenced
    const other = await openPostgres({ url: proxy.address, migrations: THINGS.migrations.map(inPostgres), silenceMs: SILENCE_MS })
    const heard: string[] = []
    other.signals.hear((topic) => heard.push(topic))
    proxy.fallSilent()
    const talking = setInterval(() => db.signals.tell('word'), 100)
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThan(0)
    clearInterval(talking)
    await other.close()
  })
})

test('a statement that failed and was swallowed commits nothing and says so', async () => {
  await using storage = await openSeveral(1)
  const swallowed = storage.db.write(async (tx) => {
    await insertThing(tx, 'a')
    await insertThing(tx, 'a').catch(() => {})
  })
  await expect(swallowed).rejects.toThrow('nothing was committed')
  expect(await countThings(storage.db)).toEqual({ n: 0n })
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
    await expect(db.write((tx) => insertThing(tx, 'a'))).rejects.toThrow(OutcomeUnknown)
    await expect.poll(() => countThings(db), { timeout: 15_000 }).toEqual({ n: 1n })
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
