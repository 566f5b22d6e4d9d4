import {
  OPEN_ASSIGNMENTS_PER_BUYER_MAX,
  PARTICIPANTS_PER_TASK_MAX,
  REVIEWERS_PER_TARGET_MAX,
  REVIEWS_PER_TARGET_MAX,
} from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { acceptWork, getWork, type Job, moneyOf, nameReviewer, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

type Terms = Partial<Parameters<TestAgent['api']['tasks']['assign']>[0]>
const assign = ({ buyer, taskId }: Pick<Job, 'buyer' | 'taskId'>, terms: Terms = {}) =>
  buyer.api.tasks.assign({ taskId, kind: 'execute', assigneeAgentId: 'executor', ...terms })
const unknown = `asg_${'0'.repeat(26)}`

describe('assigning', () => {
  test('makes assignment and hold together, and hands out the card of the assignee', async () => {
    await using platform = await openTestPlatform(['--fee-bps', '100'])
    const job = await openJob(platform)

    const { assignment, contacts, holdId } = await assign(job, { price: '7', maxAttempts: 3 })

    expect(assignment).toMatchObject({
      state: 'assigned',
      price: '7',
      funded: true,
      feeBps: 100,
      attempt: 1,
      maxAttempts: 3,
      leaseEpoch: 0,
    })
    expect(contacts.map((each) => [each.agentId, each.prekey !== undefined])).toEqual([['executor', true]])
    const { holds } = await job.executor.api.settlement.listHolds({ assignmentId: assignment.assignmentId })
    expect(holds).toMatchObject([{ holdId, amount: '7', state: 'active' }])
  })

  test('a review runs along its target, pays no fee, and may begin at a later attempt', async () => {
    await using platform = await openTestPlatform(['--fee-bps', '100'])
    const job = await openJob(platform, { attempts: 4 })
    await platform.agent('reviewer')
    const { assignment } = await assign(job, {
      kind: 'review',
      assigneeAgentId: 'reviewer',
      targetAssignmentId: job.workId,
      maxAttempts: 9,
    })

    expect(assignment).toMatchObject({ attempt: 1, maxAttempts: 4, feeBps: 0, targetAssignmentId: job.workId, price: '0' })
  })

  test('with money that is not there changes nothing', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { price: '90' })

    await expectRefusal(platform, 'insufficient_funds', () => assign(job, { price: '10.000001' }))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['10', '90'] })
  })

  test('assignments of one task join one session unless another is named', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { sessionId } = await getWork(job)
    const other = await job.buyer.api.tasks.createSession({ taskId: job.taskId })

    expect((await assign(job, { sessionId })).assignment.sessionId).toBe(sessionId)
    expect((await assign(job)).assignment.sessionId).toBe(other.sessionId)
    await job.buyer.api.tasks.closeSession({ sessionId: other.sessionId })
    expect((await assign(job)).assignment.sessionId).toBe(sessionId)
    await expectRefusal(platform, 'wrong_state', () => assign(job, { sessionId: other.sessionId }))
  })
})

describe('self-dealing is refused', () => {
  test('the buyer does not work for itself, the executor does not judge itself, the buyer judges only where that was said', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const review = { kind: 'review', targetAssignmentId: job.workId } as const

    await expectRefusal(platform, 'self_dealing', () => assign(job, { assigneeAgentId: 'buyer' }))
    await expectRefusal(platform, 'self_dealing', () => assign(job, { ...review, assigneeAgentId: 'executor' }))
    await expectRefusal(platform, 'self_dealing', () => assign(job, { ...review, assigneeAgentId: 'buyer' }))
  })
})

describe('what is not there, or not the caller’s, is not found', () => {
  test('tasks, sessions, assignees, capabilities and targets', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const other = await platform.agent('other', { credits: '5' })
    const { taskId } = await other.api.tasks.createTask({})
    const theirs = { buyer: other, taskId }
    const foreign = await assign(theirs)
    const review = { kind: 'review', assigneeAgentId: 'other' } as const

    await expectRefusal(platform, 'not_found', () => assign({ buyer: other, taskId: job.taskId }))
    await expectRefusal(platform, 'not_found', () => assign(job, { sessionId: foreign.assignment.sessionId }))
    await expectRefusal(platform, 'not_found', () => assign(job, { assigneeAgentId: 'nobody-here' }))
    await expectRefusal(platform, 'not_found', () => assign(job, { capability: 'text.translate' }))
    await expectRefusal(platform, 'not_found', () => assign(job, { ...review, targetAssignmentId: unknown }))
    await expectRefusal(platform, 'not_found', () =>
      assign(job, { ...review, targetAssignmentId: foreign.assignment.assignmentId }),
    )
  })

  test('a review is no work to review', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await platform.agent('other')

    await expectRefusal(platform, 'not_found', () =>
      assign(job, { kind: 'review', assigneeAgentId: 'other', targetAssignmentId: job.reviewIds[0] }),
    )
  })
})

test('work that has ended takes no reviewer, a task that has ended takes no work', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform)
  await platform.agent('late')
  await submitWork(job)
  await job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId })

  await expectRefusal(platform, 'wrong_state', () => nameReviewer(job, 'late'))
  await job.buyer.api.tasks.completeTask({ taskId: job.taskId })
  await expectRefusal(platform, 'wrong_state', () => assign(job))
})

describe('capacity', () => {
  test('an agent takes no more of a capability than it declared; work that is handed in no longer counts', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await job.executor.api.registry.declareCapabilities({ capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] })

    await expectRefusal(platform, 'capacity_exceeded', () => assign(job, { capability: 'text.extract' }))
    await acceptWork(job)
    await expectRefusal(platform, 'capacity_exceeded', () => assign(job, { capability: 'text.extract' }))
    await submitWork(job)
    expect((await assign(job, { capability: 'text.extract' })).assignment.state).toBe('assigned')
  })

  test('an agent of the lowest trust tier has one open assignment, handed in or not', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await platform.deps.db.write((tx) => tx.run(`UPDATE agents SET trust_tier = 3 WHERE agent_id = 'executor'`))

    await expectRefusal(platform, 'capacity_exceeded', () => assign(job))
    await submitWork(job)
    await expectRefusal(platform, 'capacity_exceeded', () => assign(job))
    await job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId })
    expect((await assign(job)).assignment.state).toBe('assigned')
  })

  test('work has at most 15 reviewers, each once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: REVIEWERS_PER_TARGET_MAX, reviewPrice: '0.1' })
    await platform.agent('one-more')

    await expectRefusal(platform, 'already_exists', () => nameReviewer(job, 'reviewer-3'))
    await expectRefusal(platform, 'capacity_exceeded', () => nameReviewer(job, 'one-more'))
    await job.buyer.api.tasks.cancelAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    expect(await nameReviewer(job, 'one-more')).toMatch(/^asg_/)
  })

  test('reviewers of a piece of work are replaced, but not without end', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await job.buyer.api.tasks.cancelAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    for (let named = 1; named < REVIEWS_PER_TARGET_MAX; named++) {
      const assignmentId = await nameReviewer(job, 'reviewer-1')
      await job.buyer.api.tasks.cancelAssignment({ assignmentId })
    }

    await expectRefusal(platform, 'capacity_exceeded', () => nameReviewer(job, 'reviewer-1'))
  })

  test('a buyer has at most 10 000 open assignments, a task 256 participants', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { db } = platform.deps
    const one = 'SELECT value + 1 FROM numbers WHERE value < '
    await db.write(async (tx) => {
      await tx.run('UPDATE buyer_loads SET open_assignments = $1', [OPEN_ASSIGNMENTS_PER_BUYER_MAX - 1])
      await tx.run(
        `WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL ${one} ${PARTICIPANTS_PER_TASK_MAX - 1})
         INSERT INTO agents SELECT 'agent-' || value, status, trust_tier, sign_key, card_seq, card_bytes, card_signature, registered_at_ms
         FROM agents, numbers WHERE agent_id = 'executor'`,
      )
      await tx.run(
        `INSERT INTO participants (task_id, agent_id, removed_at_ms) SELECT $1, agent_id, NULL FROM agents WHERE agent_id LIKE 'agent-%'`,
        [job.taskId],
      )
    })
    await platform.agent('one-more')

    expect((await assign(job)).assignment.state).toBe('assigned')
    await expectRefusal(platform, 'capacity_exceeded', () => assign(job))
    await expectRefusal(platform, 'capacity_exceeded', () =>
      job.buyer.api.tasks.addParticipant({ taskId: job.taskId, participantAgentId: 'one-more' }),
    )
  })
})
