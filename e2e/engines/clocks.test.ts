// Clocks that are wrong: of one process among several, and of the only one there is.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { sqlite } from '../../packages/platform-server/test/place.ts'
import { makeAgent, Refused } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'

const PRELOAD = pathToFileURL(join(import.meta.dirname, '../relay/shifted-clock.ts'))
const TEN_MINUTES_MS = 600_000
const HOUR_MS = 3_600_000
const ACCEPT_WITHIN_MS = 60_000
const LONG = process.env.LONG === '1'

/** A server whose clock is as wrong as a file says at the moment. */
async function startShifted(directory: string, { aheadMs, flags }: { aheadMs: number; flags: readonly string[] }) {
  const clock = `${directory}-clock`
  const shift = (ms: number) => writeFileSync(clock, String(ms))
  shift(aheadMs)
  const shell = `export CLOCK_AHEAD_FILE='${clock}' NODE_OPTIONS='--import=${PRELOAD}'`
  return { control: await startControl(directory, { flags, shell }), shift }
}

const WRONG: [words: string, aheadMs: number][] = [
  ['ahead', TEN_MINUTES_MS],
  ['behind', -TEN_MINUTES_MS],
]

test.each(LONG ? WRONG : WRONG.slice(0, 1))(
  'a server whose clock is ten minutes %s beside one that is right: who works has the time that was agreed, and everybody gets in',
  {
    timeout: 120_000,
  },
  async (_, aheadMs) => {
    await using place = await postgres.open()
    const flags = ['--database', place.database ?? '', '--rate-limits', 'off']
    const right = await startControl(join(place.directory, 'right'), { flags })
    const { control: wrong } = await startShifted(join(place.directory, 'wrong'), { aheadMs, flags })
    const [buyer, executor] = ['buyer', 'executor'].map((id) => makeAgent(id, ORIGIN)) as [
      ReturnType<typeof makeAgent>,
      ReturnType<typeof makeAgent>,
    ]
    await buyer.register(wrong.call)
    await executor.register(right.call)
    const tokens = { buyer: await buyer.openSession(right.call), executor: await executor.openSession(wrong.call) }
    const asBuyer = { token: tokens.buyer }
    const asExecutor = { token: tokens.executor }
    await right.call('settlement.deposit', { amount: '20' }, asBuyer)
    const { taskId } = await wrong.call('tasks.createTask', {}, asBuyer)
    const terms = { taskId, kind: 'execute', assigneeAgentId: 'executor', price: '10', acceptWithinMs: ACCEPT_WITHIN_MS }
    const work: { assignmentId: string; acceptByMs: number }[] = []
    for (const { call } of [right, wrong])
      work.push((await call('tasks.assign', terms, asBuyer)).assignment as { assignmentId: string; acceptByMs: number })
    for (const { acceptByMs } of work)
      expect(Math.abs(acceptByMs - ACCEPT_WITHIN_MS - Date.now())).toBeLessThan(ACCEPT_WITHIN_MS / 2)

    // A few sweeps of both.
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    for (const { assignmentId } of work) {
      const { leaseEpoch } = await wrong.call('tasks.acceptAssignment', { assignmentId }, asExecutor)
      await right.call('tasks.completeAssignment', { assignmentId, leaseEpoch }, asExecutor)
      await wrong.call('tasks.approveAssignment', { assignmentId }, asBuyer)
    }
    expect(await right.call('settlement.balance', {}, asExecutor)).toEqual({ available: '20', held: '0' })
  },
)

test('a clock that is set back an hour locks nobody out and holds no deadline up', { timeout: 120_000 }, async () => {
  await using place = await sqlite.open()
  const { control, shift } = await startShifted(join(place.directory, 'server'), { aheadMs: HOUR_MS, flags: [] })
  const spend = async () => {
    try {
      for (;;) await control.call('server.info', {})
    } catch (error) {
      if (error instanceof Refused) return error.code
      throw error
    }
  }
  expect(await spend()).toBe('rate_limited')
  shift(0)

  const buyer = makeAgent('buyer', ORIGIN)
  // By then the address has had a few of its calls given back.
  await expect.poll(() => control.call('server.info', {}).then(() => 'answered', String), { timeout: 30_000 }).toBe('answered')
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await buyer.register(control.call)
  const asBuyer = { token: await buyer.openSession(control.call) }
  const { taskId } = await control.call('tasks.createTask', {}, asBuyer)
  const offer = { taskId, kind: 'execute', capability: 'work', acceptWithinMs: 1_000 }
  const { assignment } = await control.call('tasks.assign', offer, asBuyer)
  const { assignmentId } = assignment as { assignmentId: string }
  const state = async () =>
    ((await control.call('tasks.getAssignment', { assignmentId }, asBuyer)).assignment as { state: string }).state
  await expect.poll(state, { timeout: 30_000 }).toBe('expired')
})
