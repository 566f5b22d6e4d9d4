import { describe, expect, test } from 'vitest'
import { getReview, getWork, giveVerdict, moneyOf, openJob, signedVerdict, submitWork } from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

describe('rework', () => {
  test('failed work with attempts left goes back to its executor under a new lease, and its reviewers go on and are paid once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 3 })
    await submitWork(job)

    for (const attempt of [1, 2]) {
      const receipt = await giveVerdict(job, 0, 'failed')
      expect(receipt.target).toEqual({ assignmentId: job.workId, state: 'working', attempt: attempt + 1 })
      expect(await getWork(job)).toMatchObject({
        attempt: attempt + 1,
        leaseEpoch: attempt + 1,
        leaseExpiresAtMs: expect.any(Number),
      })
      expect(await getReview(job)).toMatchObject({ state: 'working', attempt: attempt + 1, leaseEpoch: 1 })
      expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({ buyer: ['89', '11'], 'reviewer-1': ['0', '0'] })
      await submitWork(job)
    }
    await giveVerdict(job, 0, 'passed')

    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['89', '0'],
      executor: ['10', '0'],
      'reviewer-1': ['1', '0'],
    })
    const { verdicts } = await job.buyer.api.review.listVerdicts({ assignmentId: job.workId })
    expect(verdicts.map((each) => [each.attempt, each.outcome])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'passed'],
    ])
  })

  test('the last attempt that fails ends the work: its hold is released', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    await submitWork(job)

    expect((await giveVerdict(job, 0, 'failed')).target).toMatchObject({ state: 'failed', attempt: 2 })
    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['99', '0'],
      executor: ['0', '0'],
      'reviewer-1': ['1', '0'],
    })
  })

  test('the epoch of the attempt before is stale', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    const old = { assignmentId: job.workId, leaseEpoch: 1 }

    await expectRefusal(platform, 'stale_lease', () => job.executor.api.tasks.completeAssignment(old))
    await expectRefusal(platform, 'stale_lease', () => job.executor.api.tasks.renewLease(old))
  })

  test('a verdict on the attempt before is refused', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2, rule: 'majority', attempts: 2 })
    await submitWork(job)
    await job.reviewers[1]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[1] ?? '' })
    const late = await signedVerdict(job, 1, { outcome: 'passed' })
    await giveVerdict(job, 0, 'failed')
    await submitWork(job)

    await expectRefusal(platform, 'wrong_state', async () => job.reviewers[1]?.api.review.submitVerdict(late))
  })
})
