import { describe, expect, test } from 'vitest'
import { getReview, giveVerdict, moneyOf, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'

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
