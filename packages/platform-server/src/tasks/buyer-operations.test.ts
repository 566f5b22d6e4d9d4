import { describe, expect, test } from 'vitest'
import {
  acceptWork,
  getReview,
  getWork,
  giveVerdict,
  type Job,
  LEASE_MS,
  moneyOf,
  nameReviewer,
  openJob,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

const approve = (job: Job) => job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId })
const cancel = (job: Job) => job.buyer.api.tasks.cancelAssignment({ assignmentId: job.workId })
const holdIdOf = async (job: Job) => {
  const { holds } = await job.buyer.api.settlement.listHolds({ assignmentId: job.workId })
  return holds[0]?.holdId ?? ''
}
const refund = async (job: Job) => job.buyer.api.tasks.refund({ holdId: await holdIdOf(job) })

describe('approving', () => {
  test('work without a reviewer passes at once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)

    expect((await approve(job)).state).toBe('passed')
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
  })

  test('work whose reviewers have all gone is the buyer’s to approve', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'inconclusive')
    await job.reviewers[1]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[1] ?? '' })

    expect((await approve(job)).state).toBe('passed')
  })

  test('is refused before the work is handed in, while it has a reviewer, and for a review', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await acceptWork(job)
    await expectRefusal(platform, 'wrong_state', () => approve(job))
    await platform.agent('reviewer')
    const reviewId = await nameReviewer(job, 'reviewer')
    await submitWork(job)

    await expectRefusal(platform, 'wrong_state', () => approve(job))
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.approveAssignment({ assignmentId: reviewId }))
  })

  test('is for the buyer alone', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const stranger = await platform.agent('stranger')
    await submitWork(job)

    await expectRefusal(platform, 'forbidden', () => job.executor.api.tasks.approveAssignment({ assignmentId: job.workId }))
    await expectRefusal(platform, 'not_found', () => stranger.api.tasks.approveAssignment({ assignmentId: job.workId }))
  })
})

describe.for([
  ['cancelling', cancel],
  ['a refund', refund],
] as const)('%s', ([name, takeBack]) => {
  test('takes back what is not accepted, with the reviews of it and all the money', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })

    expect((await takeBack(job)).state).toBe(name === 'cancelling' ? 'cancelled' : 'released')

    expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ])
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('is refused under a live lease and possible under a lapsed one', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await acceptWork(job)
    platform.pass(LEASE_MS)
    await expectRefusal(platform, 'wrong_state', () => takeBack(job))
    platform.pass(1)

    await takeBack(job)
    expect((await getWork(job)).state).toBe('cancelled')
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('of a rework under a lapsed lease pays the reviewers who judged the attempt before', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2, rule: 'majority', attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    platform.pass(LEASE_MS + 1)

    await takeBack(job)

    expect([await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual(['passed', 'cancelled'])
    expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({
      buyer: ['99', '0'],
      'reviewer-1': ['1', '0'],
      'reviewer-2': ['0', '0'],
    })
  })

  test('is refused once the work is handed in', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)

    const { message } = await expectRefusal(platform, 'wrong_state', () => takeBack(job))
    expect(message).toBe('the assignment is submitted')
  })

  test.for<[string, (job: Job) => Promise<unknown>]>([
    ['passed', (job) => approve(job)],
    ['failed', (job) => giveVerdict(job, 0, 'failed')],
  ])('is refused once the work has %s', async ([state, decideIt]) => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: state === 'failed' ? 1 : 0 })
    await submitWork(job)
    await decideIt(job)
    expect((await getWork(job)).state).toBe(state)

    await expectRefusal(platform, name === 'cancelling' ? 'wrong_state' : 'already_settled', () => takeBack(job))
  })

  test.for([
    ['declined', (job: Job) => job.executor.api.tasks.declineAssignment({ assignmentId: job.workId })],
    ['cancelled', cancel],
  ] as const)('is refused once the work is %s', async ([, end]) => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await end(job)

    await expectRefusal(platform, name === 'cancelling' ? 'wrong_state' : 'already_settled', () => takeBack(job))
  })
})

describe('a review', () => {
  test('that is not accepted is taken back without the work; one that is accepted is not', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await job.reviewers[1]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[1] ?? '' })
    const [first = '', second = ''] = job.reviewIds

    await job.buyer.api.tasks.cancelAssignment({ assignmentId: first })
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.cancelAssignment({ assignmentId: second }))

    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['89', '11'] })
    expect((await getWork(job)).state).toBe('assigned')
  })
})

describe('a refund', () => {
  test('is for the payer alone, and unknown to strangers', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const stranger = await platform.agent('stranger')
    const holdId = await holdIdOf(job)

    await expectRefusal(platform, 'forbidden', () => job.executor.api.tasks.refund({ holdId }))
    await expectRefusal(platform, 'not_found', () => stranger.api.tasks.refund({ holdId }))
  })
})
