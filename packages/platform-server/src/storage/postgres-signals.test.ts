import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { postgres } from '../../test/engines.ts'
import type { Engine } from '../../test/place.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { END_OTHERS, openSeveral, say } from '../../test/several-opened.ts'

describe('words between processes', () => {
  test('reach the others, each word once, and not the one who says them', async () => {
    await using storage = await openSeveral(3)
    const heard: string[][] = storage.databases.map(() => [])
    for (const [index, db] of storage.databases.entries()) db.signals.hear((topic) => heard[index]?.push(topic))
    const topics = Array.from({ length: 1_000 }, (_, index) => `agent-${index}-${'x'.repeat(40)}`)
    for (const topic of [...topics, ...topics]) storage.db.signals.tell(topic)
    await expect.poll(() => heard.map((each) => each.length), { timeout: 30_000 }).toEqual([0, 1_000, 1_000])

    expect(heard[1]?.toSorted()).toEqual(topics.toSorted())
  })

  test('are heard again after the connection was lost', async () => {
    await using storage = await openSeveral(2)
    const heard: string[] = []
    storage.databases[1]?.signals.hear((topic) => heard.push(topic))
    await say(storage.database, END_OTHERS)
    const talking = setInterval(() => storage.db.signals.tell('word'), 100)
    await expect.poll(() => heard.length, { timeout: 30_000 }).toBeGreaterThan(0)
    clearInterval(talking)
  })

  test('wake who waits for events in another process', async () => {
    await using place = await postgres.open()
    const engine: Engine = { name: 'PostgreSQL', open: async () => ({ ...place, async [Symbol.asyncDispose]() {} }) }
    await using one = await openTestPlatform([], {}, { engine })
    await using other = await openTestPlatform([], {}, { engine })
    const agent = await one.agent('agent')
    const elsewhere = await other.resume(agent)
    const waiting = elsewhere.api.events.wait({ after: 0, timeoutMs: 60_000 })
    await pause(100)
    await agent.api.settlement.deposit({ amount: '5' })

    // Not only found by a look at the end of its time.
    const woken = await Promise.race([waiting, pause(30_000, { events: [] }, { ref: false })])
    expect(woken.events.map((event) => event.kind)).toEqual(['deposit.credited'])
  })
})
