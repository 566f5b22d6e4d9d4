import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { mutate, query } from '../agent/call.ts'
import { readInbox } from '../agent/read-inbox.ts'
import { sendOrder } from '../agent/send-order.ts'
import { readJobLogs } from '../agent/show-logs.ts'
import { findDocuments } from '../private/inbox.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'

let market: TestMarket
let place: ReturnType<typeof makeTestHome>
beforeAll(async () => {
  place = makeTestHome()
  market = await startMarket()
})
afterEach(() => market.stopDaemons())
afterAll(async () => {
  await market[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

const CAPABILITY = 'text.upper'
/** Seconds on an idle machine; tests share theirs. */
const SLOW = { timeout: 240_000 }

/** A buyer and a worker of their own. */
async function joinBoth(name: string) {
  const buyer = await market.join(`buyer-${name}`, { credits: '100' })
  const worker = await market.join(`worker-${name}`, { capabilities: [`${CAPABILITY}:5`] })
  const assign = async (price: string) => {
    const { taskId } = await mutate(buyer, 'tasks.createTask', {})
    const input = { taskId, assigneeAgentId: worker.agentId, kind: 'execute', capability: CAPABILITY, price } as const
    return (await mutate(buyer, 'tasks.assign', input)).assignment
  }
  return { buyer, worker, assign }
}

async function stateOf(agent: TestAgent, assignmentId: string) {
  return (await query(agent, 'tasks.getAssignment', { assignmentId })).assignment.state
}

/** The reason of a decline, once it has arrived. */
async function reasonOf(buyer: TestAgent, assignmentId: string): Promise<string | undefined> {
  await readInbox(buyer, { waitS: 1 })
  return findDocuments(buyer.vault, 'order.decline', { assignmentId })[0]?.document.reason
}

test(
  'what the policy does not want is declined at once, the buyer has its money back and is told why under seal',
  SLOW,
  async () => {
    const { buyer, worker, assign } = await joinBoth('price')
    const [cheap, fair] = [await assign('4'), await assign('5')]
    const working = worker.daemon({ exec: 'echo x > output/x', policy: { minPrice: '5' } })
    await working.seen('declined', { assignmentId: cheap.assignmentId })
    await working.seen('accepted', { assignmentId: fair.assignmentId })
    expect(await stateOf(buyer, cheap.assignmentId)).toBe('declined')
    expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '95', held: '5' })
    await expect.poll(() => reasonOf(buyer, cheap.assignmentId), { timeout: 60_000 }).toBe('this agent asks for at least 5')
    expect(working.events.filter(({ event }) => event === 'warning')).toEqual([])
  },
)

test('an order with more input than wanted is declined, also after the daemon had accepted', SLOW, async () => {
  const { buyer, worker, assign } = await joinBoth('input')
  const file = join(place.path, 'large.txt')
  writeFileSync(file, 'x'.repeat(2_000))
  const work = await assign('5')
  const working = worker.daemon({ exec: 'echo x > output/x', policy: { maxInputBytes: 1_000 } })
  await working.seen('accepted')
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Shout.', files: [file] })
  await working.seen('warning', { code: 'work_stalled', assignmentId: work.assignmentId })
  await expect.poll(() => reasonOf(buyer, work.assignmentId), { timeout: 60_000 }).toMatch(/2000 bytes/)
  expect(working.events.filter(({ event }) => event === 'job-started')).toEqual([])
})

test(
  'a daily budget holds for orders that come together, across restarts, and takes the agent off the market',
  SLOW,
  async () => {
    const { buyer, worker, assign } = await joinBoth('budget')
    const works = await Promise.all(['5', '5', '5'].map(assign))
    const policy = { dailyJobs: 2 }
    const working = worker.daemon({ exec: 'echo x > output/x', policy })
    await working.seen('declined')
    await expect
      .poll(async () => (await Promise.all(works.map(({ assignmentId }) => stateOf(buyer, assignmentId)))).toSorted(), {
        timeout: 60_000,
      })
      .toEqual(['declined', 'working', 'working'])
    await working.stop()

    const again = worker.daemon({ exec: 'echo x > output/x', policy })
    const next = await assign('5')
    await again.seen('declined', { assignmentId: next.assignmentId })
    const found = async () => (await query(buyer, 'discovery.discover', { capability: CAPABILITY, limit: 20 })).candidates
    const isOffered = async () => (await found()).some(({ agentId }) => agentId === worker.agentId)
    await expect.poll(isOffered, { timeout: 60_000 }).toBe(false)
  },
)

test('a command ends at the limits of the policy, and what it printed stays here for its owner to read', async () => {
  const { buyer, worker, assign } = await joinBoth('time')
  const work = await assign('5')
  const policy = { jobMs: 3_000 }
  const working = worker.daemon({ exec: 'echo out of the ordinary; sleep 0.2; echo an error >&2; sleep 60', policy })
  await sendOrder(buyer.reopen(), { assignmentId: work.assignmentId, instructions: 'Shout.' })
  await working.seen('job-finished', { ok: false, reason: 'the command took too long' })
  await working.stop()
  const { directory } = worker.profile
  expect(readJobLogs(directory, { assignmentId: work.assignmentId })).toEqual([
    expect.objectContaining({
      ...{ kind: 'execute', attempt: 1, outcome: 'took too long', complete: true },
      printed: [
        { stream: 'stdout', text: 'out of the ordinary\n' },
        { stream: 'stderr', text: 'an error\n' },
      ],
    }),
  ])
  // Sealed: nowhere on this disk does it stand as it was printed.
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  expect(files.filter((path) => /out of the ordinary|an error/.test(readFileSync(path, 'latin1')))).toEqual([])
  for (const path of files) expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o600])
  expect(statSync(join(directory, 'logs')).mode & 0o777).toBe(0o700)
})

test('what the own command of a reviewer prints is kept like that of a worker', SLOW, async () => {
  const { buyer, worker, assign } = await joinBoth('judged')
  const { assignmentId } = await assign('5')
  const judge = await market.join('judge-judged', { capabilities: ['review:1'] })
  const { taskId } = (await query(buyer, 'tasks.getAssignment', { assignmentId })).assignment
  const input = { taskId, kind: 'review', assigneeAgentId: judge.agentId, targetAssignmentId: assignmentId, price: '1' } as const
  const review = (await mutate(buyer, 'tasks.assign', input)).assignment
  worker.daemon({ exec: 'echo x > output/x' })
  const say = `echo looked at "$(ls input)"; echo '{"outcome":"passed","scoreBps":9000}' > output/verdict.json`
  const judging = judge.daemon({ reviewExec: say })
  await sendOrder(buyer.reopen(), { assignmentId, instructions: 'Shout.' })
  await judging.seen('verdict', { outcome: 'passed' })
  const [log] = readJobLogs(judge.profile.directory, { assignmentId: review.assignmentId })
  expect(log).toMatchObject({ kind: 'review', outcome: 'exit 0', printed: [{ stream: 'stdout', text: 'looked at x\n' }] })
})
