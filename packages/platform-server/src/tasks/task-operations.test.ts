import { SESSIONS_PER_TASK_MAX } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { explainLists } from '../../test/explain.ts'
import { acceptWork, getReview, getWork, giveVerdict, LEASE_MS, moneyOf, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { listOpenOfTask } from './assignment-store.ts'

describe('a task', () => {
  test('is shown to its buyer with everything in it', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, rule: 'majority' })

    const task = await job.buyer.api.tasks.getTask({ taskId: job.taskId })

    expect(task).toMatchObject({ buyerId: 'buyer', state: 'open', reviewRule: 'majority', buyerMayReview: false })
    expect(task.participants).toEqual(['executor', 'reviewer-1'])
    expect(task.sessions).toHaveLength(1)
    expect(task.assignments.map((each) => each.assignmentId)).toEqual([job.workId, job.reviewIds[0]])
  })

  test('shows its assignments page by page, oldest first', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 4 })
    const { taskId } = job
    const whole = await job.buyer.api.tasks.getTask({ taskId })
    const first = await job.buyer.api.tasks.getTask({ taskId, limit: 3 })
    const { assignments, nextCursor } = await job.buyer.api.tasks.getTask({ taskId, limit: 3, cursor: first.nextCursor })

    expect(whole.nextCursor).toBeUndefined()
    expect(whole.assignments).toHaveLength(5)
    expect([...first.assignments, ...assignments]).toEqual(whole.assignments)
    expect(first.assignments).toHaveLength(3)
    expect(nextCursor).toBeUndefined()
    await expectRefusal(platform, 'invalid_input', () => job.buyer.api.tasks.getTask({ taskId, cursor: 'e30' }))
  })

  test('is completed and cancelled without passing by what has ended in it', async () => {
    await using platform = await openTestPlatform()
    const { deps, plans } = explainLists(platform.deps)
    await deps.db.read((reader) => listOpenOfTask(reader, 'somebody', 'task_0'))

    expect(plans).toEqual([['SEARCH assignments USING INDEX assignments_open_of_buyer (buyer_id=?)']])
  })

  test('is not there for others', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { taskId } = job
    const asExecutor = job.executor.api.tasks

    await expectRefusal(platform, 'not_found', () => asExecutor.getTask({ taskId }))
    await expectRefusal(platform, 'not_found', () => job.executor.api.tasks.cancelTask({ taskId }))
    await expectRefusal(platform, 'not_found', () => job.executor.api.tasks.completeTask({ taskId }))
    await expectRefusal(platform, 'not_found', () => job.executor.api.tasks.createSession({ taskId }))
    expect((await job.executor.api.tasks.listTasks({})).tasks).toEqual([])
  })

  test('is completed once nothing in it is open', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const complete = () => job.buyer.api.tasks.completeTask({ taskId: job.taskId })
    await submitWork(job)
    await expectRefusal(platform, 'wrong_state', complete)
    await job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId })

    expect((await complete()).state).toBe('completed')
    await expectRefusal(platform, 'wrong_state', complete)
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.cancelTask({ taskId: job.taskId }))
  })

  test('is cancelled with everything nobody has accepted, and with reviews accepted early', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })

    expect((await job.buyer.api.tasks.cancelTask({ taskId: job.taskId })).state).toBe('cancelled')

    expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ])
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('is not cancelled under a live lease nor after a submission; one piece in the way keeps all of it', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await job.buyer.api.tasks.assign({ taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', price: '5' })
    const cancel = () => job.buyer.api.tasks.cancelTask({ taskId: job.taskId })
    await acceptWork(job)
    await expectRefusal(platform, 'wrong_state', cancel)
    await submitWork(job)

    await expectRefusal(platform, 'wrong_state', cancel)
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['85', '15'] })
  })

  test('is cancelled under a lapsed lease, and reviewers who judged an earlier attempt are paid', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    platform.pass(LEASE_MS + 1)
    await job.buyer.api.tasks.cancelTask({ taskId: job.taskId })

    expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({ buyer: ['99', '0'], 'reviewer-1': ['1', '0'] })
  })

  test('is listed newest first, page by page', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const made: string[] = []
    for (let count = 0; count < 5; count++) made.unshift((await buyer.api.tasks.createTask({})).taskId)
    const first = await buyer.api.tasks.listTasks({ limit: 3 })
    const second = await buyer.api.tasks.listTasks({ limit: 3, cursor: first.nextCursor })

    expect([first, second].map((page) => page.tasks.map((each) => each.taskId))).toEqual([made.slice(0, 3), made.slice(3)])
    expect(second.nextCursor).toBeUndefined()
    await expectRefusal(platform, 'invalid_input', () => buyer.api.tasks.listTasks({ cursor: 'Zm9yZ2Vk' }))
  })
})

describe('participants', () => {
  test('are admitted by an assignment or by name, and removed once they have nothing open', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await platform.agent('guest')
    const { taskId } = job
    const remove = (participantAgentId: string) => () => job.buyer.api.tasks.removeParticipant({ taskId, participantAgentId })

    expect((await job.buyer.api.tasks.addParticipant({ taskId, participantAgentId: 'guest' })).participants).toEqual([
      'executor',
      'guest',
    ])
    await expectRefusal(platform, 'wrong_state', remove('executor'))
    await job.executor.api.tasks.declineAssignment({ assignmentId: job.workId })
    expect((await remove('executor')()).participants).toEqual(['guest'])
    await expectRefusal(platform, 'not_found', remove('executor'))
    expect((await job.buyer.api.tasks.addParticipant({ taskId, participantAgentId: 'executor' })).participants).toEqual([
      'executor',
      'guest',
    ])
  })

  test('must be agents of the platform', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)

    await expectRefusal(platform, 'not_found', () =>
      job.buyer.api.tasks.addParticipant({ taskId: job.taskId, participantAgentId: 'nobody-here' }),
    )
  })
})

describe('sessions', () => {
  test('are joined by name, else the newest that runs, and are at most 256 of a task', async () => {
    await using platform = await openTestPlatform()
    const { buyer, taskId } = await openJob(platform)
    const assign = async (sessionId?: string) =>
      (await buyer.api.tasks.assign({ taskId, sessionId, kind: 'execute', assigneeAgentId: 'executor' })).assignment.sessionId
    const made: string[] = [await assign()]
    for (let count = 1; count < SESSIONS_PER_TASK_MAX; count++)
      made.push((await buyer.api.tasks.createSession({ taskId })).sessionId)
    const [newest = '', next = ''] = made.toReversed()

    await expectRefusal(platform, 'capacity_exceeded', () => buyer.api.tasks.createSession({ taskId }))
    expect(await assign()).toBe(newest)
    await buyer.api.tasks.closeSession({ sessionId: newest })
    expect(await assign()).toBe(next)
    expect(await assign(made[7])).toBe(made[7])
  })

  test('are closed once, by their buyer', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { sessionId } = await job.buyer.api.tasks.createSession({ taskId: job.taskId })

    await expectRefusal(platform, 'not_found', () => job.executor.api.tasks.closeSession({ sessionId }))
    expect((await job.buyer.api.tasks.closeSession({ sessionId })).state).toBe('closed')
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.closeSession({ sessionId }))
  })
})
