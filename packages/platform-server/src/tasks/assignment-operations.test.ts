import { AssignmentState } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { explainLists } from '../../test/explain.ts'
import { acceptWork, giveVerdict, nameReviewer, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { listAssignments } from './assignment-operations.ts'

const UNKNOWN = `asg_${'0'.repeat(26)}`

describe('an assignment', () => {
  test('is read by its parties with the cards of the others', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    const [reviewer] = job.reviewers as [TestAgent]
    const [reviewId = ''] = job.reviewIds
    const read = async (agent: TestAgent, assignmentId: string) => {
      const { assignment, contacts } = await agent.api.tasks.getAssignment({ assignmentId })
      return [assignment.assignmentId, contacts.map((each) => each.agentId)]
    }

    expect(await read(job.buyer, job.workId)).toEqual([job.workId, ['executor']])
    expect(await read(job.executor, job.workId)).toEqual([job.workId, ['buyer']])
    expect(await read(job.buyer, reviewId)).toEqual([reviewId, ['reviewer-1', 'executor']])
    expect(await read(reviewer, reviewId)).toEqual([reviewId, ['buyer', 'executor']])
  })

  test('is read by the reviewers of the work and the executor of the reviewed work, and by nobody else', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    const [reviewer, other] = job.reviewers as [TestAgent, TestAgent]
    const stranger = await platform.agent('stranger')
    const [reviewId = ''] = job.reviewIds
    const read = (agent: TestAgent, assignmentId: string) => () => agent.api.tasks.getAssignment({ assignmentId })

    expect((await read(reviewer, job.workId)()).assignment.assignmentId).toBe(job.workId)
    expect((await read(job.executor, reviewId)()).assignment.assigneeId).toBe('reviewer-1')
    const unknown = await expectRefusal(platform, 'not_found', read(stranger, UNKNOWN))
    for (const attempt of [read(stranger, job.workId), read(stranger, reviewId), read(other, reviewId)]) {
      expect(await expectRefusal(platform, 'not_found', attempt)).toMatchObject({ message: unknown.message })
    }
  })

  test('is listed for its assignee and its buyer, newest first, by state, page by page', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const made = [job.workId]
    for (let count = 0; count < 3; count++) {
      const given = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor' } as const
      made.unshift((await job.buyer.api.tasks.assign(given)).assignment.assignmentId)
    }
    await acceptWork(job)
    const list = async (agent: TestAgent, input = {}) => agent.api.tasks.listAssignments(input)

    const { assignments } = await list(job.executor)
    expect(assignments.map((each) => each.assignmentId)).toEqual(made)
    expect((await list(job.buyer)).assignments).toEqual([])
    expect((await list(job.buyer, { role: 'buyer' })).assignments).toEqual(assignments)
    expect((await list(job.executor, { state: 'working' })).assignments.map((each) => each.assignmentId)).toEqual([job.workId])
    const first = await list(job.executor, { limit: 3 })
    const second = await list(job.executor, { limit: 3, cursor: first.nextCursor })
    expect([...first.assignments, ...second.assignments]).toEqual(assignments)
    await expectRefusal(platform, 'invalid_input', () => list(job.executor, { cursor: 'e30' }))
  })

  test('is listed without passing by those in other states, so far as they have ended', async () => {
    await using platform = await openTestPlatform()
    const { deps, plans } = explainLists(platform.deps)
    for (const role of ['assignee', 'buyer'] as const)
      for (const state of AssignmentState.options) await listAssignments(deps, 'somebody', { role, state, limit: 20 })

    const open = ['offered', 'assigned', 'working', 'submitted']
    expect(plans).toEqual(
      (['assignee', 'buyer'] as const).flatMap((role) =>
        AssignmentState.options.map((state) => [
          open.includes(state)
            ? `SEARCH assignments USING INDEX assignments_open_of_${role} (${role}_id=? AND assignment_id<?)`
            : `SEARCH assignments USING INDEX assignments_ended_of_${role} (${role}_id=? AND state=? AND assignment_id<?)`,
        ]),
      ),
    )
  })
})

describe('the reviews of a piece of work', () => {
  test('are listed for its buyer and its executor; a reviewer sees its own', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    const stranger = await platform.agent('stranger')
    const list = async (agent: TestAgent) => {
      const { assignments, contacts } = await agent.api.tasks.listReviewAssignments({ targetAssignmentId: job.workId })
      return [assignments.map((each) => each.assigneeId).sort(), contacts.map((each) => each.agentId).sort()]
    }
    const both = ['reviewer-1', 'reviewer-2']

    expect(await list(job.buyer)).toEqual([both, both])
    expect(await list(job.executor)).toEqual([both, both])
    expect(await list(job.reviewers[0] as TestAgent)).toEqual([['reviewer-1'], []])
    await expectRefusal(platform, 'not_found', () => list(stranger))
  })
})

describe('the verdicts on a piece of work', () => {
  test('are read by its buyer and its executor; a reviewer reads its own', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    const stranger = await platform.agent('stranger')
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    await giveVerdict(job, 1, 'passed')
    const list = async (agent: TestAgent, assignmentId = job.workId) => {
      const { verdicts } = await agent.api.review.listVerdicts({ assignmentId })
      return verdicts.map((each) => [each.reviewerId, each.outcome]).sort()
    }
    const all = [
      ['reviewer-1', 'failed'],
      ['reviewer-2', 'passed'],
    ]

    expect([await list(job.buyer), await list(job.executor)]).toEqual([all, all])
    expect(await list(job.reviewers[0] as TestAgent)).toEqual([['reviewer-1', 'failed']])
    expect(await list(job.buyer, job.reviewIds[1])).toEqual([['reviewer-2', 'passed']])
    await expectRefusal(platform, 'not_found', () => list(stranger))
    await expectRefusal(platform, 'not_found', () => list(job.buyer, UNKNOWN))
  })

  test('of a review that was declined, its former reviewer still sees the work, not what others said', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await platform.agent('second')
    await nameReviewer(job, 'second')
    await job.reviewers[0]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[0] ?? '' })

    expect(await job.reviewers[0]?.api.review.listVerdicts({ assignmentId: job.workId })).toEqual({ verdicts: [] })
  })
})
