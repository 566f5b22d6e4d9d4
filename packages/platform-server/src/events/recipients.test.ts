import { describe, expect, test } from 'vitest'
import {
  acceptWork,
  eventsOf,
  giveVerdict,
  LEASE_MS,
  nameReviewer,
  openJob,
  REVIEW_WITHIN_MS,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepWork } from '../review/operations.ts'

describe('who learns what', () => {
  test('of work that is reworked and then passes', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    for (const outcome of ['failed', 'passed'] as const) {
      await submitWork(job)
      await giveVerdict(job, 0, outcome)
    }

    expect(await eventsOf(job.buyer)).toEqual([
      'deposit.credited',
      'hold.made',
      'assignment.assigned',
      'hold.made',
      'assignment.assigned',
      'assignment.accepted',
      'assignment.submitted',
      'assignment.accepted',
      'verdict.submitted',
      'assignment.rework',
      'assignment.submitted',
      'verdict.submitted',
      'hold.captured',
      'assignment.passed',
      'hold.captured',
      'assignment.passed',
    ])
    expect(await eventsOf(job.executor)).toEqual([
      'hold.made',
      'assignment.assigned',
      'review.assigned',
      'assignment.accepted',
      'assignment.submitted',
      'verdict.submitted',
      'assignment.rework',
      'assignment.submitted',
      'verdict.submitted',
      'hold.captured',
      'assignment.passed',
    ])
    expect(await eventsOf(job.reviewers[0] as TestAgent)).toEqual([
      'hold.made',
      'assignment.assigned',
      'review.assigned',
      'assignment.submitted',
      'assignment.accepted',
      'assignment.rework',
      'assignment.submitted',
      'hold.captured',
      'assignment.passed',
    ])
  })

  test.for<[string, (job: Awaited<ReturnType<typeof openJob>>) => Promise<unknown>, string[]]>([
    [
      'is declined',
      (job) => job.executor.api.tasks.declineAssignment({ assignmentId: job.workId }),
      ['hold.released', 'assignment.declined'],
    ],
    [
      'is cancelled',
      (job) => job.buyer.api.tasks.cancelAssignment({ assignmentId: job.workId }),
      ['hold.released', 'assignment.cancelled'],
    ],
    [
      'lapses',
      async (job) => {
        await acceptWork(job)
        job.platform.pass(LEASE_MS + 1)
        await sweepWork(job.platform.deps)
      },
      ['assignment.accepted', 'hold.released', 'assignment.expired'],
    ],
    [
      'passes by itself',
      async (job) => {
        await submitWork(job)
        job.platform.pass(REVIEW_WITHIN_MS + 1)
        await sweepWork(job.platform.deps)
      },
      ['assignment.accepted', 'assignment.submitted', 'hold.captured', 'assignment.passed'],
    ],
  ])('both parties of work that %s', async ([, happen, expected]) => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await happen(job)

    expect((await eventsOf(job.executor)).slice(2)).toEqual(expected)
    expect((await eventsOf(job.buyer)).slice(3)).toEqual(expected)
  })

  test('the executor of a reviewer named late', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    await platform.agent('late')
    const reviewId = await nameReviewer(job, 'late')

    const { events } = await job.executor.api.events.wait({})
    expect(events.at(-1)).toMatchObject({ kind: 'review.assigned', assignmentId: reviewId, targetAssignmentId: job.workId })
  })

  test('nothing of what was refused', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { price: '100' })
    const before = await eventsOf(job.buyer)
    const again = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', price: '1' } as const

    await expectRefusal(platform, 'insufficient_funds', () => job.buyer.api.tasks.assign(again))
    expect(await eventsOf(job.buyer)).toEqual(before)
  })
})
