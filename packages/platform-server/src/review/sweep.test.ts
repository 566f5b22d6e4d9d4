import { describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { engines } from '../../test/engines.ts'
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
import { openTestPlatform } from '../../test/platform.ts'
import { sweepWork } from './operations.ts'

describe('acceptBy', () => {
  test('work that nobody accepted in time expires with its reviews, and all the money goes back', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    platform.pass(ACCEPT_WITHIN_MS)
    expect(await sweepWork(platform.deps)).toBe(0)
    platform.pass(1)

    expect(await sweepWork(platform.deps)).toBeGreaterThan(0)
    expect([await getWork(job), await getReview(job, 0)].map((each) => each.state)).toEqual(['expired', 'cancelled'])
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('a reviewer who does not accept in time is released, and the others decide', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await submitWork(job)
    expect((await giveVerdict(job, 0, 'passed')).target.state).toBe('submitted')
    platform.pass(ACCEPT_WITHIN_MS + 1)
    await sweepWork(platform.deps)

    expect([await getWork(job), await getReview(job, 1)].map((each) => each.state)).toEqual(['passed', 'expired'])
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['89', '0'], executor: ['10', '0'] })
  })
})

test.each(engines)(
  'a majority that becomes certain when a reviewer leaves decides, though another is still silent, on $name',
  async (engine) => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { reviewers: 4, rule: 'majority' })
    await submitWork(job)
    await giveVerdict(job, 0, 'passed')
    expect((await giveVerdict(job, 1, 'passed')).target.state).toBe('submitted')
    expect(await sweepWork(platform.deps)).toBe(0)

    await job.reviewers[2]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[2] ?? '' })

    expect(await sweepWork(platform.deps)).toBe(1)
    expect([await getWork(job), await getReview(job, 3)].map((each) => each.state)).toEqual(['passed', 'expired'])
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['88', '0'], executor: ['10', '0'] })
  },
)

describe('leases', () => {
  test('a lapsed lease ends the work at the next sweep, not before: until then its holder renews', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { leaseEpoch } = await acceptWork(job)
    platform.pass(LEASE_MS + 1)
    const { leaseExpiresAtMs } = await job.executor.api.tasks.renewLease({ assignmentId: job.workId, leaseEpoch })
    expect(leaseExpiresAtMs).toBe(platform.deps.now() + LEASE_MS)
    expect(await sweepWork(platform.deps)).toBe(0)
    platform.pass(LEASE_MS + 1)

    expect(await sweepWork(platform.deps)).toBe(1)
    expect((await getWork(job)).state).toBe('expired')
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('when a rework is never handed in, the reviewers who judged the attempt before are paid and the price goes back', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2, rule: 'majority', attempts: 2 })
    await submitWork(job)
    await giveVerdict(job, 0, 'failed')
    platform.pass(LEASE_MS + 1)
    await sweepWork(platform.deps)

    expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
      'expired',
      'passed',
      'cancelled',
    ])
    expect(await moneyOf(job.buyer, ...job.reviewers)).toEqual({
      buyer: ['99', '0'],
      'reviewer-1': ['1', '0'],
      'reviewer-2': ['0', '0'],
    })
  })
})

describe('reviewBy', () => {
  test('silence is acceptance: work nobody judged passes, and silent reviewers are released unpaid', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2 })
    await submitWork(job)
    await job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    platform.pass(REVIEW_WITHIN_MS)
    await sweepWork(platform.deps)
    expect((await getWork(job)).state).toBe('submitted')
    platform.pass(1)
    await sweepWork(platform.deps)

    expect([await getWork(job), await getReview(job, 0), await getReview(job, 1)].map((each) => each.state)).toEqual([
      'passed',
      'expired',
      'expired',
    ])
    expect(await moneyOf(job.buyer, job.executor, ...job.reviewers)).toEqual({
      buyer: ['90', '0'],
      executor: ['10', '0'],
      'reviewer-1': ['0', '0'],
      'reviewer-2': ['0', '0'],
    })
  })

  test('one who spoke decides alone when the other stays silent; with attempts left the work goes back', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 2, attempts: 2 })
    await submitWork(job)
    await job.reviewers[1]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[1] ?? '' })
    await giveVerdict(job, 0, 'failed')
    platform.pass(REVIEW_WITHIN_MS + 1)
    await sweepWork(platform.deps)

    expect(await getWork(job)).toMatchObject({ state: 'working', attempt: 2, leaseExpiresAtMs: platform.deps.now() + LEASE_MS })
    expect((await getReview(job, 1)).state).toBe('working')
  })

  test('work without a reviewer passes by itself', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)
    platform.pass(REVIEW_WITHIN_MS + 1)
    await sweepWork(platform.deps)

    expect((await getWork(job)).state).toBe('passed')
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
  })

  test('settle decides it as well as the sweep does', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)
    platform.pass(REVIEW_WITHIN_MS + 1)

    const settled = await job.executor.api.review.settle({ assignmentId: job.workId })
    expect(settled).toMatchObject({ state: 'passed', holdState: 'captured' })
  })
})

test('the last reviewer to leave leaves a decision to those who spoke, also without another verdict', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 2 })
  await submitWork(job)
  await giveVerdict(job, 0, 'passed')
  await job.reviewers[1]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[1] ?? '' })
  await sweepWork(platform.deps)

  expect((await getWork(job)).state).toBe('passed')
})

test('a sweep with nothing to do changes nothing, and two at once do everything once', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 3 })
  await acceptWork(job)
  platform.pass(REVIEW_WITHIN_MS)

  const swept = await Promise.all([sweepWork(platform.deps), sweepWork(platform.deps), sweepWork(platform.deps)])
  expect(swept.reduce((sum, each) => sum + each)).toBe(4)
  expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  const before = await digestState(platform)
  expect(await sweepWork(platform.deps)).toBe(0)
  expect(await digestState(platform)).toBe(before)
})

test('one that fails does not hold up the others', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform)
  const given = { taskId: job.taskId, kind: 'execute', acceptWithinMs: ACCEPT_WITHIN_MS } as const
  const others = await Promise.all(
    Array.from({ length: 20 }, () => job.buyer.api.tasks.assign({ ...given, assigneeAgentId: 'executor' })),
  )
  platform.pass(ACCEPT_WITHIN_MS + 1)
  let transactions = 0
  const { db } = platform.deps
  const flaky: typeof db = {
    engine: db.engine,
    now: db.now,
    signals: db.signals,
    failed: db.failed,
    read: (work) => db.read(work),
    write: (work) => (++transactions === 2 ? Promise.reject(new Error('the disk hiccups')) : db.write(work)),
    close: () => db.close(),
  }

  await expect(sweepWork({ ...platform.deps, db: flaky })).rejects.toThrow('the disk hiccups')
  expect(await sweepWork(platform.deps)).toBe(1)
  const { assignments } = await job.buyer.api.tasks.getTask({ taskId: job.taskId })
  expect(assignments.filter((each) => each.state === 'expired')).toHaveLength(others.length + 1)
})
