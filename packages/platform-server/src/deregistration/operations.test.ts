import { expect, test } from 'vitest'
import { acceptWork, getReview, getWork, giveVerdict, moneyOf, nameReviewer, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { deregister } from './operations.ts'

const leave = (agent: TestAgent | undefined) => agent?.api.identity.deregister({})

test('an agent that leaves is hidden, has no session, and gets no work', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform)
  const idle = await platform.agent('idle', { capabilities: [{ name: 'text.extract', maxConcurrency: 1 }], credits: '5' })
  await leave(idle)

  const { candidates } = await job.buyer.api.discovery.discover({ capability: 'text.extract' })
  expect(candidates.map((each) => each.agentId)).toEqual(['executor'])
  await expectRefusal(platform, 'unauthenticated', () => idle.api.settlement.balance({}))
  await expectRefusal(platform, 'unauthenticated', () => platform.resume(idle))
  await expectRefusal(platform, 'not_found', () =>
    job.buyer.api.tasks.assign({ taskId: job.taskId, kind: 'execute', assigneeAgentId: 'idle' }),
  )
})

test('an agent that is suspended while it leaves stays suspended: it would come back active', async () => {
  await using platform = await openTestPlatform()
  const agent = await platform.agent('alpha')
  await platform.deps.db.write((tx) => tx.run(`UPDATE agents SET status = 'suspended' WHERE agent_id = 'alpha'`))
  const call = { callerId: agent.agentId, procedure: 'identity.deregister', key: 'leave' }

  await expectRefusal(platform, 'wrong_state', () => deregister(platform.deps, call))
})

test('duties it has not accepted are cancelled, and the money goes back to their buyer', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 2 })
  await leave(job.reviewers[0])
  expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
    'assigned',
    'cancelled',
    'assigned',
  ])
  await leave(job.executor)

  expect([await getWork(job), await getReview(job, 1)].map((each) => each.state)).toEqual(['cancelled', 'cancelled'])
  expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
})

test('what it has handed in goes on without it: it is decided and paid', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 1 })
  await submitWork(job)
  await leave(job.executor)
  expect((await getWork(job)).state).toBe('submitted')
  await giveVerdict(job, 0, 'passed')

  const entries = await platform.deps.db.read((reader) =>
    reader.all(`SELECT * FROM accounts WHERE account = 'available:executor'`),
  )
  expect(entries).toMatchObject([{ balance_micro: 10_000_000n }])
})

test('what it is working on ends with its lease', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform)
  await acceptWork(job)
  await leave(job.executor)

  expect((await getWork(job)).state).toBe('working')
})

test('a buyer that leaves takes back what nobody has accepted, with the reviews of it; the rest is decided without it', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 1 })
  const assign = (terms: object) => job.buyer.api.tasks.assign({ taskId: job.taskId, kind: 'execute', price: '3', ...terms })
  const offer = await assign({ capability: 'text.extract' })
  const waiting = await assign({ assigneeAgentId: 'executor' })
  await nameReviewer({ ...job, workId: waiting.assignment.assignmentId }, 'reviewer-1', { price: '2' })
  await submitWork(job)
  await leave(job.buyer)

  const { db } = platform.deps
  const states = await db.read((reader) =>
    reader.all('SELECT assignment_id, state FROM assignments ORDER BY price_micro DESC, state'),
  )
  expect(states.map((row) => row.state)).toEqual(['submitted', 'cancelled', 'cancelled', 'cancelled', 'assigned'])
  expect(states.some((row) => row.assignment_id === offer.assignment.assignmentId)).toBe(true)
  const held = await db.read((reader) => reader.get(`SELECT balance_micro FROM accounts WHERE account = 'held:buyer'`))
  expect(held).toEqual({ balance_micro: 11_000_000n })
})
