import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('things are done one after another, in the order they came, also after one that fails', async () => {
  const turns = new Turns(10)
  const seen: string[] = []
  const work = (name: string) => async () => {
    seen.push(`${name} begins`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    seen.push(`${name} ends`)
    if (name === 'one') throw new Error('failed')
    return name
  }
  const all = await Promise.allSettled(['one', 'two', 'three'].map((name) => turns.take(work(name))))

  expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  expect(seen).toEqual(['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})

test('who comes when too many wait is turned away, and let in again later', async () => {
  const turns = new Turns(2)
  const held = Promise.withResolvers<void>()
  const first = turns.take(() => held.promise)
  const second = turns.take(async () => 'second')
  await expect(turns.take(async () => 'third')).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 1_000 })

  held.resolve()
  await Promise.all([first, second])
  expect(await turns.take(async () => 'again')).toBe('again')
})
