import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { mutate, query } from '../agent/call.ts'
import { fetchWork } from '../agent/fetch-work.ts'
import { sendOrder } from '../agent/send-order.ts'
import { readJobLogs } from '../agent/show-logs.ts'
import { findDocuments } from '../private/inbox.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'

let market: TestMarket
let place: ReturnType<typeof makeTestHome>
let round = 0
beforeAll(async () => {
  market = await startMarket()
})
afterAll(() => market[Symbol.asyncDispose]())
beforeEach(() => {
  round++
  place = makeTestHome()
})
afterEach(async () => {
  await market.stopDaemons()
  place[Symbol.dispose]()
})

/** Seconds on a quiet machine. */
const STORY_MS = 300_000
const EXEC = `echo copying; sleep 0.3; cp input/words.txt output/`

/** A funded job with a reviewer, its order sent; nobody works on it yet. */
async function startJob() {
  const [buyer, worker, reviewer] = await Promise.all([
    market.join(`buyer-${round}`, { credits: '10' }),
    market.join(`worker-${round}`, { capabilities: ['copy:2'] }),
    market.join(`reviewer-${round}`, { capabilities: ['review:2'] }),
  ])
  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const one = { taskId, kind: 'execute', assigneeAgentId: worker.agentId, capability: 'copy', price: '5' } as const
  const { assignment } = await mutate(buyer, 'tasks.assign', one)
  const { assignmentId } = assignment
  const other = { taskId, kind: 'review', assigneeAgentId: reviewer.agentId, capability: 'review', price: '1' } as const
  await mutate(buyer, 'tasks.assign', { ...other, targetAssignmentId: assignmentId })
  const path = join(place.path, 'words.txt')
  writeFileSync(path, 'hello')
  await sendOrder(buyer.reopen(), { assignmentId, instructions: 'Copy.', files: [path], validators: { tests: await suite() } })
  return { buyer, worker, reviewer, assignmentId }
}

/** Passes everything. */
async function suite() {
  return { files: [{ name: 'run', contentBase64: Buffer.from('#!/bin/sh\nexit 0\n').toString('base64') }], command: ['./run'] }
}

async function expectPaidOnce({
  buyer,
  worker,
  reviewer,
  assignmentId,
}: {
  buyer: TestAgent
  worker: TestAgent
  reviewer: TestAgent
  assignmentId: string
}) {
  await expect
    .poll(async () => (await query(buyer, 'tasks.getAssignment', { assignmentId })).assignment.state, { timeout: 90_000 })
    .toBe('passed')
  const out = join(place.path, 'out')
  await expect
    .poll(() => fetchWork(buyer.reopen(), { assignmentId, directory: out }).catch(() => undefined), { timeout: 60_000 })
    .toBeDefined()
  expect(readFileSync(join(out, 'words.txt'), 'utf8')).toBe('hello')
  expect(await query(worker, 'settlement.balance', {})).toEqual({ available: '5', held: '0' })
  expect(await query(reviewer, 'settlement.balance', {})).toEqual({ available: '1', held: '0' })
  expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '4', held: '0' })

  const count = (agent: TestAgent, typ: 'work.ready' | 'work.key' | 'order.accept') =>
    findDocuments(agent.vault, typ, { assignmentId }).length
  expect({ ready: count(buyer, 'work.ready'), key: count(buyer, 'work.key'), accept: count(buyer, 'order.accept') }).toEqual({
    ready: 1,
    key: 1,
    accept: 1,
  })
  expect(count(reviewer, 'work.ready')).toBe(1)
  const countReports = () => findDocuments(buyer.vault, 'review.report', { targetAssignmentId: assignmentId }).length
  await expect.poll(countReports, { timeout: 60_000 }).toBe(1)
}

test.each(['started', 'accepted', 'order-received', 'job-started', 'job-finished', 'submitted', 'key-released'])(
  'an executor killed at "%s" and started again finishes the job once',
  async (event) => {
    const job = await startJob()
    job.buyer.daemon()
    const first = job.worker.spawnDaemon(EXEC)
    const reviewing = job.reviewer.daemon()
    await first.seen(event)
    await first.kill()
    job.worker.spawnDaemon(EXEC)
    await expectPaidOnce(job)
    expect(reviewing.events.filter((each) => each.event === 'verdict')).toHaveLength(1)
    const logs = readJobLogs(job.worker.profile.directory, { assignmentId: job.assignmentId })
    expect(logs.pop()).toMatchObject({ outcome: 'exit 0', complete: true, printed: [{ stream: 'stdout', text: 'copying\n' }] })
    for (const { outcome, complete } of logs)
      expect([outcome, complete]).toEqual(complete ? ['exit 0', true] : ['interrupted', false])
  },
  STORY_MS,
)

test(
  'an executor killed at random moments, again and again, finishes the job once',
  async () => {
    const job = await startJob()
    job.buyer.daemon()
    job.reviewer.daemon()
    for (let kill = 0; kill < 8; kill++) {
      const daemon = job.worker.spawnDaemon(EXEC)
      await sleep(300 + Math.random() * 1500)
      await daemon.kill()
    }
    job.worker.spawnDaemon(EXEC)
    await expectPaidOnce(job)
  },
  STORY_MS,
)

test.each(['accepted', 'brief-received', 'message', 'verdict'])(
  'a reviewer killed at "%s" and started again gives one verdict and one report',
  async (event) => {
    const job = await startJob()
    job.buyer.daemon()
    job.worker.daemon({ exec: EXEC })
    const first = job.reviewer.spawnDaemon()
    await first.seen(event)
    await first.kill()
    job.reviewer.spawnDaemon()
    await expectPaidOnce(job)
  },
  STORY_MS,
)

test(
  'daemons outlive a platform that crashes and comes back, and say so once',
  async () => {
    const job = await startJob()
    const [buying, working, reviewing] = [
      job.buyer.daemon(),
      job.worker.daemon({ exec: 'sleep 3; cp input/words.txt output/' }),
      job.reviewer.daemon(),
    ]
    await working.seen('job-started')
    await market.crash()
    await sleep(2_000)
    await market.start()
    await expectPaidOnce(job)
    for (const daemon of [buying, working, reviewing]) {
      const warned = daemon.events.filter(({ event, code }) => event === 'warning' && code === 'unreachable')
      expect(new Set(warned.map(({ loop }) => loop)).size).toBe(warned.length)
      await daemon.stop()
    }
  },
  STORY_MS,
)

test(
  'a daemon told to stop ends within five seconds, whatever its command does, and takes the job up again',
  async () => {
    const job = await startJob()
    job.buyer.daemon()
    job.reviewer.daemon()
    const daemon = job.worker.spawnDaemon('trap "" TERM; sleep 60')
    await daemon.seen('job-started')
    const startMs = performance.now()
    await daemon.stop()
    expect(performance.now() - startMs).toBeLessThan(5_000)
    expect(daemon.events.at(-1)).toMatchObject({ event: 'stopped' })

    job.worker.spawnDaemon(EXEC)
    await expectPaidOnce(job)
  },
  STORY_MS,
)
