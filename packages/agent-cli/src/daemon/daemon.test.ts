import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { agentOf } from '../agent/agent.ts'
import { mutate, query } from '../agent/call.ts'
import { fetchWork } from '../agent/fetch-work.ts'
import { sendOrder } from '../agent/send-order.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { runDaemon } from './daemon.ts'

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

/** A buyer with credits, a worker and a reviewer, their ids new in each test. */
async function joinAll() {
  const [buyer, worker, reviewer] = await Promise.all([
    market.join(`buyer-${round}`, { credits: '100' }),
    market.join(`worker-${round}`, { capabilities: ['text.upper:2'] }),
    market.join(`reviewer-${round}`, { capabilities: ['review.json:5'] }),
  ])
  return { buyer, worker, reviewer }
}

async function assign(buyer: TestAgent, worker: TestAgent, options: { maxAttempts?: number; leaseMs?: number } = {}) {
  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const { assignment } = await mutate(buyer, 'tasks.assign', {
    taskId,
    assigneeAgentId: worker.agentId,
    kind: 'execute',
    capability: 'text.upper',
    price: '5',
    ...options,
  })
  return assignment
}

async function assignReview(buyer: TestAgent, reviewer: TestAgent, target: { taskId: string; assignmentId: string }) {
  const { assignment } = await mutate(buyer, 'tasks.assign', {
    taskId: target.taskId,
    assigneeAgentId: reviewer.agentId,
    kind: 'review',
    targetAssignmentId: target.assignmentId,
    capability: 'review.json',
    price: '1',
  })
  return assignment
}

function makeInput(text: string): string {
  const path = join(place.path, 'words.txt')
  writeFileSync(path, text)
  return path
}

async function stateOf(agent: TestAgent, assignmentId: string) {
  return (await query(agent, 'tasks.getAssignment', { assignmentId })).assignment.state
}

const UPPER = `printf '{"text":"%s"}' "$(tr a-z A-Z < input/words.txt)" > output/result.json`
const SCHEMA = { type: 'object', required: ['text'], properties: { text: { type: 'string', pattern: '^[A-Z]+$' } } }

test('a job goes from order to paid work by daemons alone, and each step is told once', async () => {
  const { buyer, worker, reviewer } = await joinAll()
  const work = await assign(buyer, worker)
  const review = await assignReview(buyer, reviewer, work)
  const [buying, working, reviewing] = [buyer.daemon(), worker.daemon({ exec: UPPER }), reviewer.daemon()]
  const { sentTo } = await sendOrder(buyer.reopen(), {
    assignmentId: work.assignmentId,
    instructions: 'Upper case.',
    files: [makeInput('hello')],
    validators: { schema: SCHEMA },
  })
  expect(sentTo).toEqual([worker.agentId, reviewer.agentId])

  await reviewing.seen('verdict', { assignmentId: review.assignmentId, outcome: 'passed', scoreBps: 10_000 })
  await working.seen('key-released', { assignmentId: work.assignmentId })
  await buying.seen('message', { typ: 'work.key' })
  const fetched = await fetchWork(buyer.reopen(), { assignmentId: work.assignmentId, directory: join(place.path, 'out') })
  expect(fetched.files).toEqual([join(place.path, 'out', 'result.json')])
  expect(JSON.parse(readFileSync(fetched.files[0]!, 'utf8'))).toEqual({ text: 'HELLO' })

  expect(await stateOf(buyer, work.assignmentId)).toBe('passed')
  expect(await query(worker, 'settlement.balance', {})).toEqual({ available: '5', held: '0' })
  expect(await query(reviewer, 'settlement.balance', {})).toEqual({ available: '1', held: '0' })
  for (const daemon of [buying, working, reviewing]) {
    expect(daemon.events.filter(({ event }) => event === 'warning')).toEqual([])
    await daemon.stop()
  }
  const steps = working.events.map(({ event }) => event).filter((event) => event !== 'message')
  expect(steps.filter((event) => event !== 'order-received').slice(0, 6)).toEqual([
    'started',
    'accepted',
    'job-started',
    'job-finished',
    'submitted',
    'key-released',
  ])
})

test('work that does not pass is done again with the report of the reviewer at hand', async () => {
  const { buyer, worker, reviewer } = await joinAll()
  const work = await assign(buyer, worker, { maxAttempts: 2 })
  await assignReview(buyer, reviewer, work)
  const exec = `if grep -q '"outcome": "failed"' order.json; then ${UPPER}; else printf '{"text":"lower"}' > output/result.json; fi`
  const [buying, working, reviewing] = [buyer.daemon(), worker.daemon({ exec }), reviewer.daemon()]
  await sendOrder(buyer.reopen(), {
    assignmentId: work.assignmentId,
    instructions: 'Upper case.',
    files: [makeInput('hello')],
    validators: { schema: SCHEMA },
  })

  await reviewing.seen('verdict', { attempt: 1, outcome: 'failed' })
  await reviewing.seen('verdict', { attempt: 2, outcome: 'passed' })
  await buying.seen('message', { typ: 'work.key' })
  const fetched = await fetchWork(buyer.reopen(), { assignmentId: work.assignmentId, directory: join(place.path, 'out') })
  expect(JSON.parse(readFileSync(fetched.files[0]!, 'utf8'))).toEqual({ text: 'HELLO' })
  expect(await query(reviewer, 'settlement.balance', {})).toEqual({ available: '1', held: '0' })
  expect(working.events.filter(({ event }) => event === 'submitted')).toHaveLength(2)
  expect([...working.events, ...reviewing.events].filter(({ event }) => event === 'warning')).toEqual([])
})

test('a command that fails is no work: its lease lapses, the buyer is told and gets the money back', async () => {
  const { buyer, worker } = await joinAll()
  const work = await assign(buyer, worker, { leaseMs: 5_000 })
  const [buying, working] = [buyer.daemon(), worker.daemon({ exec: 'echo secret >&2; exit 3' })]
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Fail.' })

  await working.seen('job-finished', { ok: false, reason: 'the command failed (exit 3)' })
  await buying.seen('message', { typ: 'order.decline' })
  await expect.poll(() => stateOf(buyer, work.assignmentId), { timeout: 60_000 }).toBe('expired')
  expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '100', held: '0' })
  expect(working.events.filter(({ event }) => event === 'job-started')).toHaveLength(1)
  expect(JSON.stringify(working.events)).not.toContain('secret')
})

test('a job longer than its lease keeps it', async () => {
  const { buyer, worker } = await joinAll()
  const leaseMs = 5_000
  const work = await assign(buyer, worker, { leaseMs })
  const go = join(place.path, 'go')
  const working = worker.daemon({ exec: `until [ -e ${go} ]; do sleep 0.1; done; echo done > output/done.txt` })
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Take your time.' })
  await working.seen('job-started')
  await sleep(1.1 * leaseMs)
  writeFileSync(go, '')
  expect(await working.seen('submitted')).toMatchObject({ state: 'submitted' })
})

test('without any reviewer the keys go to the buyer with the work', async () => {
  const { buyer, worker } = await joinAll()
  const work = await assign(buyer, worker)
  const working = worker.daemon({ exec: UPPER })
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Upper case.', files: [makeInput('hello')] })
  await working.seen('submitted', { state: 'submitted' })
  await expect
    .poll(
      () =>
        fetchWork(buyer.reopen(), { assignmentId: work.assignmentId, directory: join(place.path, 'out') }).catch(() => undefined),
      { timeout: 60_000 },
    )
    .toMatchObject({ files: [join(place.path, 'out', 'result.json')] })
  await mutate(buyer, 'tasks.approveAssignment', { assignmentId: work.assignmentId })
  expect(await query(worker, 'settlement.balance', {})).toEqual({ available: '5', held: '0' })
})

test('a reviewer named after the work was done gets brief and work all the same, and the keys wait for it', async () => {
  const { buyer, worker, reviewer } = await joinAll()
  const second = await market.join(`second-${round}`, { capabilities: ['review.json:5'] })
  const work = await assign(buyer, worker)
  await assignReview(buyer, reviewer, work)
  const [buying, working] = [buyer.daemon(), worker.daemon({ exec: UPPER })]
  const order = {
    assignmentId: work.assignmentId,
    instructions: 'Upper case.',
    files: [makeInput('hello')],
    validators: { schema: SCHEMA },
  }
  await sendOrder(buyer.reopen(), order)
  await working.seen('submitted')

  const late = await assignReview(buyer, second, work)
  await buying.seen('brief-sent')
  await working.seen('work-announced')
  const reviewing = second.daemon()
  await reviewing.seen('verdict', { assignmentId: late.assignmentId, outcome: 'passed' })
  expect(working.events.filter(({ event }) => event === 'key-released')).toEqual([])
  reviewer.daemon()
  await working.seen('key-released')
})

test('a command of the reviewer decides in place of the validators, and one that fails decides nothing', async () => {
  const { buyer, worker, reviewer } = await joinAll()
  const second = await market.join(`second-${round}`, { capabilities: ['review.json:5'] })
  const work = await assign(buyer, worker)
  await assignReview(buyer, reviewer, work)
  await assignReview(buyer, second, work)
  worker.daemon({ exec: UPPER })
  const verdict = `test -f input/result.json && test -f brief.json && printf '{"outcome":"failed","scoreBps":1200,"reason":"dull"}' > output/verdict.json`
  const [judging, failing] = [reviewer.daemon({ reviewExec: verdict }), second.daemon({ reviewExec: 'exit 1' })]
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Be witty.', files: [makeInput('hello')] })

  expect(await judging.seen('verdict')).toMatchObject({ outcome: 'failed', scoreBps: 1200 })
  expect(await failing.seen('warning')).toMatchObject({ code: 'no_verdict' })
  const { verdicts } = await query(buyer, 'review.listVerdicts', { assignmentId: work.assignmentId })
  expect(verdicts).toHaveLength(1)
})

test('there is one daemon of a profile', async () => {
  const { worker } = await joinAll()
  const first = worker.daemon()
  await first.seen('started')
  await expect(worker.daemon().stop()).rejects.toMatchObject({ code: 'wrong_state' })
  await first.stop()
  const next = worker.daemon()
  await next.seen('started')
  await next.stop()
})

test('a daemon that runs once does what there is to do and ends; one that cannot says why', async () => {
  const { buyer, worker } = await joinAll()
  const work = await assign(buyer, worker)
  const order = { assignmentId: work.assignmentId, instructions: 'Upper case.', files: [makeInput('hello')] }
  await sendOrder(buyer.reopen(), order)
  const events: string[] = []
  const run = {
    isOnce: true,
    exec: UPPER,
    signal: new AbortController().signal,
    onEvent: ({ event }: { event: string }) => void events.push(event),
  }
  // The drop is on the feed after its next tick.
  await expect
    .poll(() => runDaemon(worker.reopen(), run).then(() => stateOf(buyer, work.assignmentId)), { timeout: 60_000, interval: 500 })
    .toBe('submitted')
  expect(events.filter((event) => event === 'job-started')).toHaveLength(1)

  const lost = agentOf({ profile: worker.profile, server: 'http://127.0.0.1:1', timeoutMs: 200 }, worker.keyring)
  await expect(runDaemon(lost, run)).rejects.toMatchObject({ code: 'unreachable', exit: 6 })
})
