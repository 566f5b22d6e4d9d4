import { describe, expect, test } from 'vitest'
import {
  ACCEPT_WITHIN_MS,
  acceptWork,
  getReview,
  getWork,
  giveVerdict,
  moneyOf,
  nameReviewer,
  openJob,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { sweepWork } from './operations.ts'

describe('reviewers', () => {
  test('an inconclusive verdict costs no attempt and earns nothing; the buyer appoints another reviewer, who decides', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)

    expect((await giveVerdict(job, 0, 'inconclusive')).target).toMatchObject({ state: 'submitted', attempt: 1 })
    expect(await getReview(job)).toMatchObject({ state: 'failed' })
    expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({ buyer: ['90', '10'], 'reviewer-1': ['0', '0'] })

    const second = await platform.agent('second')
    const again = { ...job, reviewers: [second], reviewIds: [await nameReviewer(job, 'second', { price: '2' })] }
    expect((await giveVerdict(again, 0, 'passed')).target.state).toBe('passed')
    expect(await moneyOf(job.buyer, job.executor, second)).toEqual({
      buyer: ['88', '0'],
      executor: ['10', '0'],
      second: ['2', '0'],
    })
  })

  test('the same reviewer may be named again after it was inconclusive', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    await giveVerdict(job, 0, 'inconclusive')

    const again = { ...job, reviewIds: [await nameReviewer(job, 'reviewer-1', { price: '1' })] }

    expect((await giveVerdict(again, 0, 'passed')).target.state).toBe('passed')
  })

  test('a reviewer who spoke on an earlier attempt keeps its pay, also when it is inconclusive or silent on the last one', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2, rule: 'majority', attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    expect((await getWork(job)).state).toBe('working')
    await submitWork(job)

    await giveVerdict(job, 0, 'inconclusive')
    expect((await giveVerdict(job, 1, 'passed')).target.state).toBe('passed')

    expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({
      buyer: ['88', '0'],
      'reviewer-1': ['1', '0'],
      'reviewer-2': ['1', '0'],
    })
  })

  test('a reviewer named after the work was handed in decides it', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    await job.reviewers[0]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    const late = await platform.agent('late')
    const reviewed = { ...job, reviewers: [late], reviewIds: [await nameReviewer(job, 'late', { price: '1' })] }

    expect((await giveVerdict(reviewed, 0, 'failed')).target.state).toBe('failed')
  })

  test('a reviewer may accept early, and speaks once the work is there', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    const { leaseExpiresAtMs } =
      (await job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })) ?? {}
    platform.pass(ACCEPT_WITHIN_MS)
    await sweepWork(platform.deps)

    expect(leaseExpiresAtMs).toBeUndefined()
    expect((await getReview(job)).state).toBe('working')
    await submitWork(job)
    expect((await giveVerdict(job, 0, 'passed')).target.state).toBe('passed')
  })

  test('the buyer reviews where the task was made with that, and is paid by itself', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { buyerMayReview: true })
    expect((await acceptWork(job)).buyerMayReview).toBe(true)
    const reviewed = { ...job, reviewers: [job.buyer], reviewIds: [await nameReviewer(job, 'buyer', { price: '1' })] }
    await submitWork(job)

    expect((await giveVerdict(reviewed, 0, 'failed')).target.state).toBe('failed')
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['100', '0'], executor: ['0', '0'] })
  })
})
