import { describe, expect, test } from 'vitest'
import { ACCEPT_WITHIN_MS, eventsOf, getWork, giveVerdict, moneyOf, nameReviewer, openJob, submitWork } from '../../test/jobs.ts'
import { claim, offer, openMarket, shownTo } from '../../test/offers.ts'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepWork } from '../review/operations.ts'

describe('offers of reviews', () => {
  async function openReviewOffer(platform: TestPlatform) {
    const job = await openJob(platform)
    const capabilities = [{ name: 'review.json', maxConcurrency: 9 }]
    const reviewer = await platform.agent('reviewer', { capabilities })
    const review = { kind: 'review', targetAssignmentId: job.workId, capability: 'review.json', price: '1' } as const
    return { job, reviewer, capabilities, review }
  }

  test('are claimed and paid like named ones; until then the work waits for them', async () => {
    await using platform = await openTestPlatform()
    const { job, reviewer, review } = await openReviewOffer(platform)
    const reviewId = await offer(job, review)
    await submitWork(job)
    await expectRefusal(platform, 'wrong_state', () => job.buyer.api.tasks.approveAssignment({ assignmentId: job.workId }))
    const { contacts } = await claim(reviewer, reviewId)

    expect(contacts.map((each) => each.agentId)).toEqual(['buyer', 'executor'])
    expect(await eventsOf(job.executor)).toContain('review.assigned')
    expect((await giveVerdict({ ...job, reviewers: [reviewer], reviewIds: [reviewId] }, 0, 'passed')).target.state).toBe('passed')
    expect(await moneyOf(job.buyer, reviewer)).toEqual({ buyer: ['89', '0'], reviewer: ['1', '0'] })
  })

  test('that nobody claims do not keep the work from being decided by those who spoke', async () => {
    await using platform = await openTestPlatform()
    const { job, reviewer, review } = await openReviewOffer(platform)
    await offer(job, review)
    const reviewIds = [await nameReviewer(job, 'reviewer')]
    await submitWork(job)
    expect((await giveVerdict({ ...job, reviewers: [reviewer], reviewIds }, 0, 'passed')).target.state).toBe('submitted')
    platform.pass(ACCEPT_WITHIN_MS + 1)
    await sweepWork(platform.deps)

    expect((await getWork(job)).state).toBe('passed')
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['90', '0'] })
  })

  test('are not for the executor of the work, nor for one who reviews it already; and the work is not for its reviewer', async () => {
    await using platform = await openTestPlatform()
    const { job, reviewer, capabilities, review } = await openReviewOffer(platform)
    await job.executor.api.registry.declareCapabilities({ capabilities })
    await nameReviewer(job, 'reviewer')
    const reviewId = await offer(job, review)
    const workId = await offer(job, { capability: 'review.json' })
    await nameReviewer({ ...job, workId }, 'reviewer')

    expect([await shownTo(job.executor), await shownTo(reviewer)]).toEqual([[workId], []])
    await expectRefusal(platform, 'not_found', () => claim(job.executor, reviewId))
    await expectRefusal(platform, 'not_found', () => claim(reviewer, reviewId))
    await expectRefusal(platform, 'not_found', () => claim(reviewer, workId))
  })

  test('whoever claims work learns who reviews it', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const workId = await offer(market)
    await platform.agent('reviewer')
    const reviewId = await nameReviewer({ ...market, workId }, 'reviewer')
    await claim(market.worker, workId)

    const { events } = await market.worker.api.events.wait({})
    expect(events.filter((each) => each.kind === 'review.assigned').map((each) => each.assignmentId)).toEqual([reviewId])
  })
})
