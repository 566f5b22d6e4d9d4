import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { openStorage } from '../../test/opened.ts'
import type { Tx } from './database.ts'

const insert = (tx: Tx, name: string, amount = 0) =>
  tx.run('INSERT INTO things (name, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, amount])

describe.each(engines)('many writers on $name', (engine) => {
  test('of many that race for one name, one has it', async () => {
    await using storage = await openStorage(engine)
    const changed = await Promise.all(Array.from({ length: 40 }, () => storage.db.write((tx) => insert(tx, 'a'))))
    expect(changed.filter((count) => count === 1)).toHaveLength(1)
  })

  test('many writers move money at once: guarded in the statement, none is made, lost or overdrawn', async () => {
    await using storage = await openStorage(engine)
    const { db } = storage
    const accounts = ['a', 'b', 'c', 'd']
    await db.write(async (tx) => {
      for (const name of accounts) await insert(tx, name, 10)
    })
    const change = (tx: Tx, name: string, by: number) =>
      tx.run('UPDATE things SET amount = amount + $2 WHERE name = $1 AND amount + $2 >= 0', [name, by])
    const move = (from: string, to: string) =>
      db.write(async (tx) => {
        for (const name of [from, to].sort()) {
          if ((await change(tx, name, name === from ? -7 : 7)) === 0) throw new Error('short')
        }
      })
    const pairs = accounts.flatMap((from) =>
      accounts.filter((to) => to !== from && (to < 'c' || from === 'a')).map((to) => [from, to] as const),
    )
    const moves = Array.from({ length: 120 }, (_, i) => move(...pairs[i % pairs.length]!))
    const results = await Promise.allSettled(moves)

    const problems = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.message] : []))
    expect(new Set(problems)).toEqual(new Set(['short']))
    expect(problems.length).toBeLessThan(moves.length)
    expect(await db.read((reader) => reader.get('SELECT sum(amount) AS total FROM things'))).toEqual({ total: 40n })
  })

  test('writers that wait for each other in a circle all get through', async () => {
    await using storage = await openStorage(engine)
    const { db } = storage
    await db.write(async (tx) => {
      for (const name of ['a', 'b']) await insert(tx, name)
    })
    const addTo = (names: string[]) =>
      db.write(async (tx) => {
        for (const name of names) await tx.run('UPDATE things SET amount = amount + 1 WHERE name = $1', [name])
      })
    await Promise.all(Array.from({ length: 6 }, (_, i) => addTo(i % 2 === 0 ? ['a', 'b'] : ['b', 'a'])))

    expect(await db.read((reader) => reader.all('SELECT amount FROM things'))).toEqual([{ amount: 6n }, { amount: 6n }])
  })
})
