import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { RELAY_PATHS } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { feed, feedUntil, makeDrop, put, read } from './test-drop.ts'
import { call, startTestRelay, type TestRelay } from './test-relay.ts'

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())

async function position(): Promise<number> {
  return (await feed(relay.origin, 0, 0)).cursor
}

describe('the feed', () => {
  test('brings the record of an upload to everybody, once, in the same bytes', async () => {
    const after = await position()
    const listeners = [feed(relay.origin, after, 60), feed(relay.origin, after, 60)]
    const drop = makeDrop()
    await put(relay.origin, drop)

    const [one, other] = await Promise.all(listeners)
    expect(one?.records).toEqual([drop.record])
    expect(one?.cursor).toBe(after + 1)
    expect(other?.body.equals(one!.body)).toBe(true)
    expect((await feed(relay.origin, after)).body.equals(one!.body)).toBe(true)
    expect((await feed(relay.origin, after + 1, 0)).records).toEqual([])
  })

  test('may be kept by caches for a minute where there are records, and not where there are none yet', async () => {
    const after = await position()
    await put(relay.origin, makeDrop())
    await feedUntil(relay.origin, 1, after)
    const page = (position: number) => call(relay.origin, 'GET', `${RELAY_PATHS.feed}?after=${position}`)

    expect((await page(after)).headers).toContain('public, max-age=60')
    expect((await page(after + 1)).headers).toContain('no-store')
    expect(await page(after)).toEqual(await page(after))
  })

  test('says nothing of uploads without a record', async () => {
    const after = await position()
    const { headers, ...part } = makeDrop()
    const { 'relay-record': _, ...withoutRecord } = headers
    expect((await put(relay.origin, { ...part, headers: withoutRecord })).status).toBe(204)
    expect(await feed(relay.origin, after)).toMatchObject({ cursor: after, records: [] })
  })

  test('is not told twice of an upload that is repeated', async () => {
    const after = await position()
    const drop = makeDrop()
    await put(relay.origin, drop)
    await put(relay.origin, drop)
    await feedUntil(relay.origin, 1, after)
    await put(relay.origin, drop)
    expect(await feed(relay.origin, after + 1)).toMatchObject({ cursor: after + 1, records: [] })
  })

  test('wakes whoever waits as soon as there is something, and lets the time run out otherwise', async () => {
    const after = await position()
    const startedAt = performance.now()
    expect((await feed(relay.origin, after, 1)).records).toEqual([])
    expect(performance.now() - startedAt).toBeGreaterThan(900)

    const waiting = feed(relay.origin, after, 60)
    await put(relay.origin, makeDrop())
    expect((await waiting).records).toHaveLength(1)
    expect(performance.now() - startedAt).toBeLessThan(20_000)
  })

  test('sends a listener back whose position it never gave', async () => {
    const head = await position()
    expect(await feed(relay.origin, head + 1_000, 60)).toMatchObject({ cursor: head, records: [] })
  })

  test('is read in pages', async () => {
    const after = await position()
    await relay.db.write(async (tx) => {
      for (let index = 0; index < 10_003; index++) {
        await tx.run('INSERT INTO feed_pending (place, record, expiry_hour) VALUES ($1, $2, $3)', [
          randomBytes(16),
          randomBytes(40),
          2 ** 31,
        ])
      }
    })
    await put(relay.origin, makeDrop())
    const first = await feed(relay.origin, after, 60)
    const second = await feed(relay.origin, first.cursor, 0)

    expect(first.records).toHaveLength(10_000)
    expect(first.cursor).toBe(after + 10_000)
    expect(second.records).toHaveLength(4)
    expect(second.cursor).toBe(after + 10_004)
    expect(new Set([...first.records, ...second.records].map((record) => record.toString('hex'))).size).toBe(10_004)
  })
})

test('records of one tick are sorted, whatever order they came in', async () => {
  // The tick comes when the test says so.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  await using slow = await startTestRelay({ feedTickMs: 500 })
  const drops = Array.from({ length: 8 }, () => makeDrop())
  for (const drop of drops) await put(slow.origin, drop)
  expect((await feed(slow.origin, 0, 0)).records).toEqual([])
  vi.advanceTimersByTime(500)
  const { records } = await feed(slow.origin, 0, 60)

  expect(records).toEqual(drops.map((drop) => drop.record).sort(Buffer.compare))
})

test('no column of a feed row leads to a slot row', async () => {
  const columns = await relay.db.read((reader) =>
    reader.all("SELECT m.name || '.' || c.name AS name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"),
  )
  expect(
    columns
      .map((column) => column.name)
      .filter((name) => String(name).startsWith('feed'))
      .sort(),
  ).toEqual([
    'feed_head.only',
    'feed_head.published',
    'feed_pending.expiry_hour',
    'feed_pending.place',
    'feed_pending.record',
    'feed_records.expiry_hour',
    'feed_records.position',
    'feed_records.record',
  ])
})

test('closing the relay answers those who wait', async () => {
  await using closing = await startTestRelay()
  const arrived = once(closing.plane.server, 'request')
  const waiting = feed(closing.origin, 0, 60)
  await arrived
  await closing.plane.close()
  expect((await waiting).records).toEqual([])
})

test('slots, the feed and its position survive a restart, and so does a record that waits for its tick', async () => {
  const drops = Array.from({ length: 3 }, () => makeDrop())
  const before = await startTestRelay()
  for (const drop of drops.slice(0, 2)) await put(before.origin, drop)
  await feedUntil(before.origin, 2)
  const page = await feed(before.origin, 0, 0)
  await before.db.write(async (tx) => {
    await tx.run('INSERT INTO feed_pending (place, record, expiry_hour) VALUES ($1, $2, $3)', [
      randomBytes(16),
      randomBytes(40),
      2 ** 31,
    ])
  })

  await using after = await before.restart()

  await feedUntil(after.origin, 3)
  const again = await feed(after.origin, 0, 0)
  expect(again.records.slice(0, 2)).toEqual(page.records)
  expect(again.records).toHaveLength(3)
  for (const drop of drops.slice(0, 2)) expect((await read(after.origin, drop)).body.equals(drop.body)).toBe(true)
  expect((await feed(after.origin, page.cursor, 0)).records).toEqual(again.records.slice(2))
})

test('a relay that was put back to an earlier state shows new records to those who were farther', async () => {
  let nowMs = Date.now()
  const drops = Array.from({ length: 8 }, () => makeDrop())
  const first = await startTestRelay({ now: () => nowMs })
  for (const drop of drops.slice(0, 2)) await put(first.origin, drop)
  await feedUntil(first.origin, 2)
  const { origin, directory, putBack } = await first.backUp()
  for (const drop of drops.slice(2, 5)) await put(origin, drop)
  await feedUntil(origin, 5)
  const { cursor } = await feed(origin, 0, 0)

  nowMs += 5_000
  await using restored = await putBack()
  expect(restored.directory).toBe(directory)
  for (const drop of drops.slice(4)) await put(restored.origin, drop)
  await feedUntil(restored.origin, 6)
  const { records } = await feed(restored.origin, cursor, 0)

  // As many as had been lost, and one more: counted on from the backup, all but one would lie where the listener has been.
  const recordsOf = (some: typeof drops) => some.map((drop) => drop.record.toString('hex')).sort()
  expect(records.map((record) => record.toString('hex')).sort()).toEqual(recordsOf(drops.slice(4)))
})

test('whoever waits from before a start of the relay is woken by the first record after it', async () => {
  let nowMs = Date.now()
  const before = await startTestRelay({ now: () => nowMs })
  const { cursor } = await feed(before.origin, 0, 0)
  nowMs += 5_000
  await using after = await before.restart()
  const drop = makeDrop()
  const waiting = feed(after.origin, cursor, 60)
  await put(after.origin, drop)

  expect((await waiting).records).toEqual([drop.record])
})
