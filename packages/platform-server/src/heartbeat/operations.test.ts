import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { Presence } from '../presence.ts'
import { flushBeats, noteCall, resumePresence, turnAway } from './operations.ts'

const capabilities = [{ name: 'text.extract', maxConcurrency: 1 }]
const IDLE_MS = 45_000
const BUSY_MS = 15_000

/** What others see of an agent, in every way there is to see it. */
async function seen(
  { api }: TestAgent,
  agentId: string,
): Promise<{ alive: boolean; busy: boolean; found: boolean; listed: boolean }> {
  const { alive, busy } = await api.discovery.getAgent({ agentId })
  const { candidates } = await api.discovery.discover({ capability: 'text.extract', includeBusy: true })
  const { agents } = await api.discovery.listAgents({ aliveOnly: true })
  const found = candidates.some((each) => each.agentId === agentId)
  return { alive, busy, found, listed: agents.some((each) => each.agentId === agentId) }
}

/** An observer whose session outlives what it observes. */
async function passAndRenew(platform: TestPlatform, observer: TestAgent, ms: number): Promise<TestAgent> {
  platform.pass(ms)
  return platform.resume(observer)
}

/** The process ends without a word and another one opens the same database. */
function restart({ deps }: TestPlatform): TestPlatform['deps'] {
  const again = { ...deps, presence: new Presence() }
  Object.assign(deps, again)
  return deps
}

describe('an agent is alive', () => {
  test.each([
    ['idle', false, IDLE_MS],
    ['busy', true, BUSY_MS],
  ])('for exactly its missed beats when it is %s', async (_, busy, deadlineMs) => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities })
    const observer = await platform.agent('observer')
    await agent.api.heartbeat.beat({ busy })

    platform.pass(deadlineMs)
    expect(await seen(observer, 'alpha')).toEqual({ alive: true, busy, found: true, listed: true })
    platform.pass(1)
    expect(await seen(observer, 'alpha')).toEqual({ alive: false, busy: false, found: false, listed: false })
  })

  test('again as soon as it beats again', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities })
    const observer = await platform.agent('observer')
    platform.pass(IDLE_MS + 1)

    await agent.api.heartbeat.beat({})
    expect((await seen(observer, 'alpha')).found).toBe(true)
  })

  test('by its beats, not by its registration or what it declares', async () => {
    await using platform = await openTestPlatform()
    const observer = await platform.agent('observer')
    const agent = await platform.agent('alpha')
    platform.pass(IDLE_MS + 1)

    await agent.api.registry.declareCapabilities({ capabilities })
    expect((await seen(observer, 'alpha')).alive).toBe(false)
  })

  test('longer when any call of it counts as a beat', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities })
    const observer = await platform.agent('observer')

    platform.pass(IDLE_MS)
    await agent.api.settlement.balance({})
    await flushBeats(platform.deps)
    platform.pass(IDLE_MS)

    expect((await seen(observer, 'alpha')).alive).toBe(true)
  })

  test('for nine of the intervals it asked for', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities })
    let observer = await platform.agent('observer')
    await agent.api.heartbeat.beat({ intervalMs: 300_000 })
    await flushBeats(platform.deps)

    observer = await passAndRenew(platform, observer, 9 * 300_000)
    expect((await seen(observer, 'alpha')).alive).toBe(true)
    platform.pass(1)
    expect((await seen(observer, 'alpha')).alive).toBe(false)
  })
})

describe('the reply to a beat', () => {
  test('spreads the next one over one to one and a half intervals', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const replies = await Promise.all(Array.from({ length: 50 }, () => agent.api.heartbeat.beat({})))
    const nextMs = replies.map((each) => each.nextBeatMs)

    expect(Math.min(...nextMs)).toBeGreaterThanOrEqual(5_000)
    expect(Math.max(...nextMs)).toBeLessThanOrEqual(7_500)
    expect(new Set(nextMs).size).toBeGreaterThan(1)
  })

  test('asks for fewer beats when many are online, and counts them once a second', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const { presence, now } = platform.deps
    for (let i = 0; i < 20_000; i++) {
      presence.restore(`many-${i}`, { lastBeatAtMs: now(), intervalMs: 5_000, busy: false, aliveUntilMs: now() + IDLE_MS })
    }
    platform.pass(1_000)

    const { nextBeatMs } = await agent.api.heartbeat.beat({})
    expect(nextBeatMs).toBeGreaterThanOrEqual(20_000)
    expect(nextBeatMs).toBeLessThanOrEqual(30_002)
    platform.pass(IDLE_MS)
    expect((await agent.api.heartbeat.beat({})).nextBeatMs).toBeLessThanOrEqual(7_500)
  })

  test('counts open duties and unread events and names what was cancelled', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const worker = await platform.agent('worker', { capabilities })
    const { taskId } = await buyer.api.tasks.createTask({})
    const assign = () => buyer.api.tasks.assign({ taskId, assigneeAgentId: 'worker', kind: 'execute' })
    const kept = await assign()
    const taken = await assign()

    expect(await worker.api.heartbeat.beat({})).toMatchObject({
      agentId: 'worker',
      assignments: 2,
      events: 2,
      cancelledAssignmentIds: [],
    })
    const { cursor } = await worker.api.events.wait({})
    await buyer.api.tasks.cancelAssignment({ assignmentId: taken.assignment.assignmentId })

    expect(await worker.api.heartbeat.beat({ eventsAfter: cursor })).toMatchObject({
      assignments: 1,
      events: 1,
      cancelledAssignmentIds: [taken.assignment.assignmentId],
    })
    const { assignment } = await worker.api.tasks.getAssignment({ assignmentId: kept.assignment.assignmentId })
    expect(assignment.state).toBe('assigned')
  })
})

describe('beats are kept in memory', () => {
  test('and written when an agent appears or turns busy, else by the flush, and only if they changed', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    expect(await flushBeats(platform.deps)).toBe(0)

    platform.pass(1)
    await agent.api.heartbeat.beat({})
    expect(await flushBeats(platform.deps)).toBe(1)
    expect(await flushBeats(platform.deps)).toBe(0)
    await agent.api.heartbeat.beat({ busy: true })
    expect(await flushBeats(platform.deps)).toBe(0)
  })
})

test.each(engines)('a flush writes thousands of beats, and none over a newer one, on $name', async (engine) => {
  await using platform = await openTestPlatform([], {}, { engine })
  const { deps } = platform
  const sign = (lastBeatAtMs: number) => ({ lastBeatAtMs, intervalMs: 5_000, busy: false, aliveUntilMs: lastBeatAtMs + IDLE_MS })
  for (let i = 0; i < 1_234; i++) deps.presence.set(`many-${i}`, sign(2_000))
  expect(await flushBeats(deps)).toBe(1_234)

  deps.presence.set('many-0', sign(1_000))
  deps.presence.set('many-1', sign(3_000))
  await flushBeats(deps)

  const rows = await deps.db.read((reader) =>
    reader.all('SELECT last_beat_at_ms AS at, count(*) AS agents FROM presence GROUP BY last_beat_at_ms ORDER BY 1'),
  )
  expect(rows.map(({ at, agents }) => [Number(at), Number(agents)])).toEqual([
    [2_000, 1_233],
    [3_000, 1],
  ])
})

test.each(engines)('a call through one process does not take back what a beat told another, on $name', async (engine) => {
  await using platform = await openTestPlatform([], {}, { engine })
  const agent = await platform.agent('alpha', { capabilities })
  const observer = await platform.agent('observer')
  const other = { ...platform.deps, presence: new Presence() }
  await resumePresence(other)

  platform.pass(1_000)
  await agent.api.heartbeat.beat({ busy: true })
  platform.pass(1_000)
  noteCall(other, 'alpha')
  expect(await flushBeats(other)).toBe(1)

  expect(await seen(observer, 'alpha')).toMatchObject({ alive: true, busy: true })
  platform.pass(BUSY_MS)
  expect(await seen(observer, 'alpha')).toMatchObject({ alive: true, busy: true })
})

describe.each(engines)('after a restart, on $name,', (engine) => {
  test('whoever was alive before gets one full interval, to the millisecond', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await platform.agent('alpha', { capabilities })
    const observer = await platform.agent('observer')
    const deps = restart(platform)
    platform.pass(10 * 60_000)

    expect(await resumePresence(deps)).toBe(2)

    platform.pass(5_000)
    expect((await seen(observer, 'alpha')).found).toBe(true)
    platform.pass(1)
    expect((await seen(observer, 'alpha')).found).toBe(false)
  })

  test('a deadline that is further away stays', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await platform.agent('alpha', { capabilities })
    const observer = await platform.agent('observer')
    platform.pass(1_000)

    await resumePresence(restart(platform))

    platform.pass(IDLE_MS - 1_000)
    expect((await seen(observer, 'alpha')).found).toBe(true)
    platform.pass(1)
    expect((await seen(observer, 'alpha')).found).toBe(false)
  })

  test('whoever was gone before stays gone', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await platform.agent('alpha', { capabilities })
    platform.pass(IDLE_MS + 1)
    const observer = await platform.agent('observer')
    const deps = restart(platform)

    expect(await resumePresence(deps)).toBe(1)
    expect((await seen(observer, 'alpha')).found).toBe(false)
  })

  test('the interval is right from the first beat on', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const agent = await platform.agent('alpha')
    for (let i = 0; i < 6_000; i++) {
      const nowMs = platform.deps.now()
      platform.deps.presence.set(`many-${i}`, {
        lastBeatAtMs: nowMs,
        intervalMs: 5_000,
        busy: false,
        aliveUntilMs: nowMs + IDLE_MS,
      })
    }
    await flushBeats(platform.deps)
    const deps = restart(platform)
    platform.pass(1_000)

    expect(await resumePresence(deps)).toBe(6_001)
    expect((await agent.api.heartbeat.beat({})).nextBeatMs).toBeGreaterThanOrEqual(6_000)
  })
})

describe('under overload', () => {
  test('a beat that is turned away is told when to come back', async () => {
    await using platform = await openTestPlatform()

    const { code, retryAfterMs } = turnAway(platform.deps)

    expect(code).toBe('overloaded')
    expect(retryAfterMs).toBeGreaterThanOrEqual(5_000)
    expect(retryAfterMs).toBeLessThanOrEqual(7_500)
  })

  test('nobody is taken for gone, however long it lasts, until everybody had time to be heard', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities })
    let observer = await platform.agent('observer')
    turnAway(platform.deps)
    for (let i = 0; i < 20; i++) {
      platform.pass(10_000)
      turnAway(platform.deps)
    }
    expect((await seen(observer, 'alpha')).found).toBe(true)

    platform.pass(12_500)
    expect((await seen(observer, 'alpha')).found).toBe(true)
    platform.pass(1)
    expect((await seen(observer, 'alpha')).found).toBe(false)
    observer = await platform.resume(observer)
    await agent.api.heartbeat.beat({})
    expect((await seen(observer, 'alpha')).found).toBe(true)
  })
})

test('silence moves no money and cancels no work', async () => {
  await using platform = await openTestPlatform()
  const buyer = await platform.agent('buyer', { credits: '10' })
  const worker = await platform.agent('worker', { capabilities })
  const { taskId } = await buyer.api.tasks.createTask({})
  const { assignment } = await buyer.api.tasks.assign({ taskId, assigneeAgentId: 'worker', kind: 'execute', price: '4' })
  platform.pass(IDLE_MS + 1)
  await flushBeats(platform.deps)

  const { state } = (await buyer.api.tasks.getAssignment({ assignmentId: assignment.assignmentId })).assignment
  expect(state).toBe('assigned')
  expect(await buyer.api.settlement.balance({})).toEqual({ available: '6', held: '4' })
  const accepted = await worker.api.tasks.acceptAssignment({ assignmentId: assignment.assignmentId })
  expect(accepted.state).toBe('working')
})
