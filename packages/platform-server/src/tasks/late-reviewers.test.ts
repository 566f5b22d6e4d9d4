import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { moneyOf, nameReviewer, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

describe.each(engines)('a reviewer of work that was handed over, on $name', (engine) => {
  test('is refused where there was none: the buyer has the work, and what is left to it is to pay', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await platform.agent('friend')
    const job = await openJob(platform)
    await submitWork(job)

    await expectRefusal(platform, 'wrong_state', () => nameReviewer(job, 'friend'))
    const offer = { taskId: job.taskId, kind: 'review', targetAssignmentId: job.workId, capability: 'review.json' } as const
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.assign(offer))
    await job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId })
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
  })

  test('is welcome where there was one, who has gone since: the key is still the executor’s', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    await platform.agent('second')
    const job = await openJob(platform, { reviewers: 1 })
    const [reviewer] = job.reviewers as [TestAgent]
    await submitWork(job)
    await reviewer.api.tasks.declineAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    expect(await nameReviewer(job, 'second')).toMatch(/^asg_/)
  })
})
