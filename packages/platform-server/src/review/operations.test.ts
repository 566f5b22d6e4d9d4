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
  signedVerdict,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepWork } from './operations.ts'

describe('a decision', () => {
  test('work that its reviewer passes: executor and reviewer are paid, in the transaction of the verdict', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)

    const receipt = await giveVerdict(job, 0, 'passed')

    expect(receipt).toMatchObject({ outcome: 'passed', target: { assignmentId: job.workId, state: 'passed', attempt: 1 } })
    expect(await getReview(job)).toMatchObject({ state: 'passed' })
    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['89', '0'],
      executor: ['10', '0'],
      'reviewer-1': ['1', '0'],
    })
  })

  test('work that its reviewer fails: the buyer gets the price back, the reviewer is paid all the same', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)

    const receipt = await giveVerdict(job, 0, 'content_mismatch')

    expect(receipt.target.state).toBe('failed')
    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['99', '0'],
      executor: ['0', '0'],
      'reviewer-1': ['1', '0'],
    })
  })

  test('the platform’s fee is taken from work that passed and from nothing else', async () => {
    await using platform = await openTestPlatform(['--fee-bps', '250'])
    const job = await openJob(platform, { reviewers: 1, price: '10.000001' })
    await submitWork(job)
    await giveVerdict(job, 0, 'passed')

    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['88.999999', '0'],
      executor: ['9.750001', '0'],
      'reviewer-1': ['1', '0'],
    })
  })

  test('a unanimous panel waits for all; one that failed it decides then', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 3 })
    await submitWork(job)

    const states = [await giveVerdict(job, 0, 'passed'), await giveVerdict(job, 1, 'failed'), await giveVerdict(job, 2, 'passed')]

    expect(states.map((each) => each.target.state)).toEqual(['submitted', 'submitted', 'failed'])
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['97', '0'], executor: ['0', '0'] })
  })

  test('a majority decides as soon as it is certain; whoever has not spoken by then is released unpaid', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 3, rule: 'majority' })
    await submitWork(job)

    await giveVerdict(job, 0, 'passed')
    const second = await giveVerdict(job, 2, 'passed')

    expect(second.target.state).toBe('passed')
    expect([await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual(['passed', 'expired'])
    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['88', '0'],
      executor: ['10', '0'],
      'reviewer-1': ['1', '0'],
      'reviewer-2': ['0', '0'],
      'reviewer-3': ['1', '0'],
    })
  })
})

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
    const job = await openJob(platform)
    await submitWork(job)
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

test('settling decides nothing that is not decided, and does nothing twice', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 2 })
  await submitWork(job)
  await giveVerdict(job, 0, 'passed')
  const settle = () => job.executor.api.review.settle({ assignmentId: job.workId })

  expect(await settle()).toMatchObject({ state: 'submitted', holdState: 'active' })
  await giveVerdict(job, 1, 'passed')
  const after = await moneyOf(job.buyer, job.executor)
  expect(await settle()).toMatchObject({ state: 'passed', holdState: 'captured' })
  expect(await settle()).toMatchObject({ state: 'passed', holdState: 'captured' })
  expect(await moneyOf(job.buyer, job.executor)).toEqual(after)
})
