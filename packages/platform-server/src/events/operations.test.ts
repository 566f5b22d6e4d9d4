import { setTimeout as pause } from 'node:timers/promises'
import { EVENTS_KEPT_MS } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { appendEvents, countEvents, sweepEvents, waitForEvents } from './operations.ts'

/** Half of what callers here wait for. */
const WOKEN_WITHIN_MS = 10_000

/** Ask for events as a caller does, for less than a test may take. With a hand on when the caller hangs up. */
const waitFor = (
  platform: TestPlatform,
  agentId: string,
  { after = 0, timeoutMs = 20_000, signal = new AbortController().signal } = {},
) => waitForEvents(platform.deps, agentId, { after, timeoutMs, limit: 100, signal })

describe('the stream of an agent', () => {
  test('has no gaps, is read page by page, and says where to go on', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await submitWork(job)
    const seen: number[] = []
    let cursor = 0
    for (let page = 0; page < 20; page++) {
      const next = await job.buyer.api.events.wait({ after: cursor, limit: 3 })
      seen.push(...next.events.map((each) => each.seq))
      if (next.events.length === 0) expect(next.cursor).toBe(cursor)
      cursor = next.cursor
    }

    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => index + 1))
    expect(seen.length).toBeGreaterThan(8)
  })

  test('forgets after seven days; the places that are gone are not given again', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann', { credits: '1' })
    const cursor = (await waitFor(platform, 'ann')).cursor
    platform.pass(EVENTS_KEPT_MS)
    expect(await sweepEvents(platform.deps)).toBe(0)
    platform.pass(1)

    expect(await sweepEvents(platform.deps)).toBe(1)
    await platform.deps.db.write((tx) => appendEvents(platform.deps, tx, ['ann'], { kind: 'agent.approved', agentId: 'ann' }))
    expect((await waitFor(platform, 'ann', { after: cursor })).events.map((each) => each.seq)).toEqual([cursor + 1])
  })

  test('is counted from a cursor, with what was cancelled since', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { cursor } = await waitFor(platform, 'executor')
    const count = (after: number) => platform.deps.db.read((reader) => countEvents(reader, 'executor', after))
    await job.buyer.api.tasks.cancelAssignment({ assignmentId: job.workId })

    expect(await count(cursor)).toEqual({ events: 2, cancelledAssignmentIds: [job.workId] })
    expect(await count(cursor + 2)).toEqual({ events: 0, cancelledAssignmentIds: [] })
    expect(await count(cursor + 9)).toEqual({ events: 0, cancelledAssignmentIds: [] })
  })

  test('tells each agent once, however often it is named', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann')
    const append = (to: (string | undefined)[]) =>
      platform.deps.db.write((tx) => appendEvents(platform.deps, tx, to, { kind: 'agent.approved', agentId: 'ann' }))
    await append(['ann', undefined, 'ann'])
    await append([undefined])

    expect((await waitFor(platform, 'ann')).events).toHaveLength(1)
  })
})

describe('a cursor beyond the end of the stream', () => {
  test('is put right at once: the platform was put back to a backup', async () => {
    await using platform = await openTestPlatform()
    const ann = await platform.agent('ann', { credits: '1' })

    expect(await waitFor(platform, 'ann', { after: 7 })).toEqual({ events: [], cursor: 1 })
    expect(await ann.api.events.wait({ after: 7 })).toEqual({ events: [], cursor: 1 })
    await platform.agent('ben')
    expect(await waitFor(platform, 'ben', { after: 7 })).toEqual({ events: [], cursor: 0 })
  })
})

describe('waiting', () => {
  const credit = (platform: TestPlatform) =>
    platform.deps.db.write((tx) => appendEvents(platform.deps, tx, ['ann'], { kind: 'agent.approved', agentId: 'ann' }))

  test('returns at once when there is something', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann', { credits: '1' })

    expect((await waitFor(platform, 'ann')).events).toHaveLength(1)
  })

  test('ends with what happens, long before its time', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann')
    const waiting = Promise.all([waitFor(platform, 'ann'), waitFor(platform, 'ann')])
    await credit(platform)

    const found = await Promise.race([waiting, pause(WOKEN_WITHIN_MS, [], { ref: false })])
    expect(found.map((each) => each.events.length)).toEqual([1, 1])
  })

  test('is not woken by what happens to others, nor by what was rolled back; after its time there is nothing', async () => {
    await using platform = await openTestPlatform()
    await Promise.all([platform.agent('ann'), platform.agent('ben')])
    const waiting = waitFor(platform, 'ann', { timeoutMs: 300 })
    await platform.deps.db.write((tx) => appendEvents(platform.deps, tx, ['ben'], { kind: 'agent.approved', agentId: 'ben' }))
    const failed = platform.deps.db.write(async (tx) => {
      await appendEvents(platform.deps, tx, ['ann'], { kind: 'agent.approved', agentId: 'ann' })
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')

    expect(await waiting).toEqual({ events: [], cursor: 0 })
  })

  test('ends when the caller hangs up', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann')
    const caller = new AbortController()
    const waiting = waitFor(platform, 'ann', { signal: caller.signal })
    caller.abort()

    expect(await waiting).toEqual({ events: [], cursor: 0 })
    expect(await waitFor(platform, 'ann', { signal: AbortSignal.abort() })).toEqual({ events: [], cursor: 0 })
  })

  test('loses nothing: a reader that follows 200 events written at once sees each of them in order', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('ann')
    const seen: number[] = []
    const writers = Array.from({ length: 200 }, () => credit(platform))
    while (seen.length < writers.length) {
      const { events } = await waitFor(platform, 'ann', { after: seen.at(-1) ?? 0 })
      if (events.length === 0) break
      seen.push(...events.map((each) => each.seq))
    }
    await Promise.all(writers)

    expect(seen).toEqual(writers.map((_, index) => index + 1))
  })
})
