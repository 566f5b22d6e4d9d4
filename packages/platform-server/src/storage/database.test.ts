import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { openStorage } from '../../test/opened.ts'
import type { Reader, Tx } from './database.ts'

const INT64_MAX = 2n ** 63n - 1n

const insert = (tx: Tx, name: string, amount: number | bigint = 0) =>
  tx.run('INSERT INTO things (name, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, amount])

const listNames = async (reader: Reader) =>
  (await reader.all('SELECT name FROM things ORDER BY name')).map((row) => String(row.name))

/** A promise and the moment it comes true. */
function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: () => resolve() }
}

describe.each(engines)('storage on $name', (engine) => {
  test('what a transaction returns is returned, and what it wrote is there', async () => {
    await using storage = await openStorage(engine)
    expect(await storage.db.write((tx) => insert(tx, 'a'))).toBe(1)
    expect(await storage.db.read(listNames)).toEqual(['a'])
  })

  test('what it throws is thrown on, and nothing of it stays, also after a statement that failed', async () => {
    await using storage = await openStorage(engine)
    const problem = new Error('no')
    const refused = storage.db.write(async (tx) => {
      await insert(tx, 'a')
      throw problem
    })
    await expect(refused).rejects.toBe(problem)
    const broken = storage.db.write(async (tx) => {
      await insert(tx, 'b')
      await tx.run('UPDATE things SET amount = $1', [-1])
    })
    await expect(broken).rejects.toThrow(/check/i)

    expect(await storage.db.read(listNames)).toEqual([])
    await storage.db.write((tx) => insert(tx, 'c'))
  })

  test('values come back as the port promises, from parameters in any order', async () => {
    await using storage = await openStorage(engine)
    const content = Uint8Array.from([0, 1, 0xfe, 0xff])
    const name = `it's "$1" — 漢字 😀`
    await storage.db.write((tx) =>
      tx.run('INSERT INTO things (content, name, amount) VALUES ($3, $1, $2)', [name, INT64_MAX, content]),
    )

    expect(await storage.db.read((reader) => reader.get('SELECT * FROM things'))).toEqual({ name, amount: INT64_MAX, content })
    const row = await storage.db.read((reader) =>
      reader.get(
        `SELECT count(*) AS n, sum(amount - $1) AS rest, max(amount) = $1 AS same, NULL AS absent, 1 AS one FROM things
         WHERE ($2 < 0 OR amount >= $2) AND ($3 = '' OR name = $3)`,
        [INT64_MAX, 3_000_000_000, ''],
      ),
    )
    expect(row).toEqual({ n: 1n, rest: 0n, same: 1n, absent: null, one: 1n })
    expect(await storage.db.read((reader) => reader.get('SELECT name FROM things WHERE amount < $1', [0]))).toBeUndefined()
  })

  test('a parameter that is missing is a fault', async () => {
    await using storage = await openStorage(engine)
    const lacking = storage.db.read((reader) => reader.all('SELECT name FROM things WHERE name = $1 OR name = $2', ['a']))
    await expect(lacking).rejects.toThrow('parameter $2 is missing')
  })

  test('texts are ordered by their bytes', async () => {
    await using storage = await openStorage(engine)
    const names = ['a', 'B', 'a-b', 'a_b', 'a.b', 'ab', 'é', '1', 'Z']
    await storage.db.write(async (tx) => {
      for (const name of names) await insert(tx, name)
    })

    const sorted = names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    expect(await storage.db.read(listNames)).toEqual(sorted)
  })

  test('an effect runs once its transaction is committed, before it is answered; one that is refused has none', async () => {
    await using storage = await openStorage(engine)
    const seen: string[] = []
    const written = storage.db.write(async (tx) => {
      tx.onCommit(() => seen.push('effect'))
      await insert(tx, 'a')
      seen.push('work')
    })
    await written.then(() => seen.push('answer'))
    const refused = storage.db.write(async (tx) => {
      tx.onCommit(() => seen.push('effect of a refused one'))
      throw new Error('no')
    })
    await expect(refused).rejects.toThrow('no')

    expect(seen).toEqual(['work', 'effect', 'answer'])
  })

  test('a read sees what is committed, and one view of it', async () => {
    await using storage = await openStorage(engine)
    const { db } = storage
    const [isWritten, mayCommit, isRead, mayReadAgain] = [gate(), gate(), gate(), gate()]
    const writing = db.write(async (tx) => {
      await insert(tx, 'a')
      isWritten.open()
      await mayCommit.opened
    })
    await isWritten.opened
    expect(await db.read(listNames)).toEqual([])
    const reading = db.read(async (reader) => {
      const before = await listNames(reader)
      isRead.open()
      await mayReadAgain.opened
      return [before, await listNames(reader)]
    })
    await isRead.opened
    mayCommit.open()
    await writing
    mayReadAgain.open()

    expect(await reading).toEqual([[], []])
    expect(await db.read(listNames)).toEqual(['a'])
  })

  test('a read cannot write', async () => {
    await using storage = await openStorage(engine)
    const sneaking = storage.db.read((reader) => reader.all(`INSERT INTO things (name, amount) VALUES ('a', 1)`))
    await expect(sneaking).rejects.toThrow(/read-?only/i)
    expect(await storage.db.read(listNames)).toEqual([])
  })

  test('the database is not to be used inside its own transaction', async () => {
    await using storage = await openStorage(engine)
    const { db } = storage
    const misuse = 'db used inside its own transaction'
    await expect(db.write(() => db.write(async () => 1))).rejects.toThrow(misuse)
    await expect(db.write(() => db.read(async () => 1))).rejects.toThrow(misuse)
    await expect(db.read(() => db.write(async () => 1))).rejects.toThrow(misuse)
    await expect(db.read(() => db.read(async () => 1))).rejects.toThrow(misuse)
    expect(await db.write((tx) => insert(tx, 'a'))).toBe(1)
  })

  test('a transaction is not to be used after its end', async () => {
    await using storage = await openStorage(engine)
    const kept: Tx[] = []
    await storage.db.write(async (tx) => void kept.push(tx))
    await storage.db.write(async (tx) => Promise.reject(kept.push(tx))).catch(() => {})
    await storage.db.read(async (reader) => void kept.push(reader as Tx))
    const ended = 'tx used after its end'
    for (const tx of kept) {
      await expect((async () => tx.all('SELECT 1'))()).rejects.toThrow(ended)
      await expect((async () => tx.get('SELECT 1'))()).rejects.toThrow(ended)
      await expect((async () => tx.run('DELETE FROM things'))()).rejects.toThrow(ended)
      expect(() => tx.onCommit(() => {})).toThrow(ended)
    }
    expect(kept).toHaveLength(3)
  })

  test('a closed database has done what was under way, and does nothing any more', async () => {
    await using storage = await openStorage(engine)
    const last = Array.from({ length: 40 }, (_, index) => storage.db.write((tx) => insert(tx, `thing-${index}`)))
    await storage.db.close()
    expect(await Promise.all(last)).toEqual(last.map(() => 1))
    await expect((async () => storage.db.write((tx) => insert(tx, 'b')))()).rejects.toThrow('the database is closed')
    await expect((async () => storage.db.read(listNames))()).rejects.toThrow('the database is closed')
  })
})
