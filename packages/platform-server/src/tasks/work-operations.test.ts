import { describe, expect, test } from 'vitest'
import {
  ACCEPT_WITHIN_MS,
  acceptWork,
  getReview,
  getWork,
  giveVerdict,
  LEASE_MS,
  moneyOf,
  openJob,
  REVIEW_WITHIN_MS,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

describe('accepting', () => {
  test('starts the lease and its first epoch', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)

    const accepted = await acceptWork(job)

    expect(accepted).toMatchObject({ state: 'working', leaseEpoch: 1, leaseExpiresAtMs: platform.deps.now() + LEASE_MS })
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '10'], executor: ['0', '0'] })
  })

  test('works in the last millisecond and not in the next one', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    platform.pass(ACCEPT_WITHIN_MS)
    await acceptWork(job)
    platform.pass(1)

    await expectRefusal(platform, 'wrong_state', async () =>
      job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' }),
    )
  })

  test('is refused for work that has a price and no money yet, and possible once it is held', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false })
    expect(await getWork(job)).toMatchObject({ price: '10', funded: false })

    await expectRefusal(platform, 'assignment_not_funded', () => acceptWork(job))
    await job.buyer.api.tasks.hold({ assignmentId: job.workId, amount: '10' })

    expect(await acceptWork(job)).toMatchObject({ state: 'working', funded: true })
  })

  test('is for the assignee alone: the buyer may not, for others the work is not there', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    const stranger = await platform.agent('stranger')
    const accept = (agent: TestAgent | undefined) => async () => agent?.api.tasks.acceptAssignment({ assignmentId: job.workId })

    await expectRefusal(platform, 'forbidden', accept(job.buyer))
    await expectRefusal(platform, 'forbidden', accept(job.reviewers[0]))
    await expectRefusal(platform, 'not_found', accept(stranger))
  })

  test('happens once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await acceptWork(job)

    const { message } = await expectRefusal(platform, 'wrong_state', () => acceptWork(job))
    expect(message).toBe('the assignment is working')
  })
})

describe('declining', () => {
  test('ends the work and the reviews of it, and all the money goes back', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })

    const declined = await job.executor.api.tasks.declineAssignment({ assignmentId: job.workId })

    expect(declined.state).toBe('declined')
    expect([await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual(['cancelled', 'cancelled'])
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('a review ends that review alone', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await job.reviewers[0]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[0] ?? '' })

    expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
      'assigned',
      'declined',
      'assigned',
    ])
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['89', '11'] })
  })

  test('is refused once the work is accepted', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await acceptWork(job)

    await expectRefusal(platform, 'wrong_state', () => job.executor.api.tasks.declineAssignment({ assignmentId: job.workId }))
  })
})

describe('the lease', () => {
  test('carries its epoch through every call: no other one renews or completes', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await acceptWork(job)

    for (const leaseEpoch of [0, 2]) {
      const stale = { assignmentId: job.workId, leaseEpoch }
      await expectRefusal(platform, 'stale_lease', () => job.executor.api.tasks.renewLease(stale))
      await expectRefusal(platform, 'stale_lease', () => job.executor.api.tasks.completeAssignment(stale))
    }
  })

  test('is renewed from now on, also after it lapsed; a lapsed one hands nothing in', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const lease = { assignmentId: job.workId, leaseEpoch: (await acceptWork(job)).leaseEpoch }
    platform.pass(LEASE_MS + 1)

    await expectRefusal(platform, 'stale_lease', () => job.executor.api.tasks.completeAssignment(lease))
    const renewed = await job.executor.api.tasks.renewLease(lease)
    expect(renewed).toMatchObject({ leaseEpoch: 1, leaseExpiresAtMs: platform.deps.now() + LEASE_MS })
    platform.pass(LEASE_MS)
    expect((await job.executor.api.tasks.completeAssignment(lease)).state).toBe('submitted')
  })

  test('is renewed before it is accepted, after it is handed in and by others: never', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const renew = (agent: TestAgent) => () => agent.api.tasks.renewLease({ assignmentId: job.workId, leaseEpoch: 1 })

    await expectRefusal(platform, 'wrong_state', renew(job.executor))
    await submitWork(job)
    await expectRefusal(platform, 'wrong_state', renew(job.executor))
    await expectRefusal(platform, 'forbidden', renew(job.buyer))
  })
})

describe('handing in', () => {
  test('starts the time for verdicts and ends the lease', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)

    const submitted = await submitWork(job)

    expect(submitted).toMatchObject({ state: 'submitted', reviewByMs: platform.deps.now() + REVIEW_WITHIN_MS })
    expect(submitted.leaseExpiresAtMs).toBeUndefined()
  })

  test('happens once for each attempt, and never for a review', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    const [reviewer] = job.reviewers
    const assignmentId = job.reviewIds[0] ?? ''
    await reviewer?.api.tasks.acceptAssignment({ assignmentId })

    await expectRefusal(platform, 'wrong_state', () =>
      job.executor.api.tasks.completeAssignment({ assignmentId: job.workId, leaseEpoch: 1 }),
    )
    await expectRefusal(platform, 'wrong_state', async () =>
      reviewer?.api.tasks.completeAssignment({ assignmentId, leaseEpoch: 1 }),
    )
    await giveVerdict(job, 0, 'passed')
  })
})
