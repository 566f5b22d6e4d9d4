import { describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { postgres } from '../../test/engines.ts'
import type { Engine } from '../../test/place.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { type Cut, openProxy, type PostgresProxy } from '../../test/postgres-proxy.ts'
import { countThings, END_OTHERS, END_SELF, insertThing, openSeveral, say } from '../../test/several-opened.ts'
import { openThings } from '../../test/things.ts'
import { OutcomeUnknown } from './database.ts'

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
