import { EVENTS_KEPT_MS, IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { engines } from '../test/engines.ts'
import { openTestPlatform, type TestPlatform } from '../test/platform.ts'
import { sweepEvents } from './events/operations.ts'
import { FORGOTTEN_MAX } from './forget-due.ts'
import { sweepReplies } from './idempotency/operations.ts'

const NUMBERS =
  'WITH RECURSIVE numbers (value) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT value - 1 FROM numbers WHERE value > 1)'

/** So many old replies and events of one agent. */
async function fill({ deps }: TestPlatform, count: number): Promise<void> {
  await deps.db.write(async (tx) => {
    await tx.run(
      `INSERT INTO idempotency (caller_id, procedure, idempotency_key, fingerprint, reply, at_ms)
       ${NUMBERS} SELECT 'ann', 'tasks.createTask', 'key-' || value, $2, '{}', value FROM numbers`,
      [count, new Uint8Array(32)],
    )
    await tx.run(
      `INSERT INTO events (agent_id, seq, event_id, kind, at_ms) ${NUMBERS} SELECT 'ann', value, 'evt', 'hold.made', value FROM numbers`,
      [count],
    )
  })
}

describe.each(engines)('what has expired is forgotten, on $name,', (engine) => {
  test('the oldest first, a few at a time, and what one sweep leaves by the next', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await fill(platform, FORGOTTEN_MAX + 7)
    const left = async (table: string) =>
      Number((await platform.deps.db.read((reader) => reader.get(`SELECT min(at_ms) AS oldest FROM ${table}`)))?.oldest)

    expect(await sweepReplies(platform.deps)).toBe(FORGOTTEN_MAX)
    expect(await sweepEvents(platform.deps)).toBe(FORGOTTEN_MAX)
    expect([await left('idempotency'), await left('events')]).toEqual([FORGOTTEN_MAX + 1, FORGOTTEN_MAX + 1])
    expect([await sweepReplies(platform.deps), await sweepEvents(platform.deps)]).toEqual([7, 7])
    expect([await sweepReplies(platform.deps), await sweepEvents(platform.deps)]).toEqual([0, 0])
  })
})

test('who writes meanwhile does not wait until all is forgotten', async () => {
  await using platform = await openTestPlatform()
  await fill(platform, 1_000)
  const sweeping = sweepEvents(platform.deps)
  const left = await platform.deps.db.write((tx) => tx.all('SELECT seq FROM events'))

  expect(left.length).toBeGreaterThan(0)
  expect(await sweeping).toBe(1_000)
})

test('nothing is forgotten early', async () => {
  await using platform = await openTestPlatform()
  await fill(platform, 3)
  // From the beginning of the time that the rows name.
  const deps = { ...platform.deps, now: () => Math.max(IDEMPOTENCY_KEPT_MS, EVENTS_KEPT_MS) + 2 }

  expect([await sweepReplies(deps), await sweepEvents(deps)]).toEqual([1, 1])
})
