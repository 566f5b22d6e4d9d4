import { describe, expect, test } from 'vitest'
import {
  ACCEPT_WITHIN_MS,
  eventsOf,
  getWork,
  giveVerdict,
  type Job,
  moneyOf,
  nameReviewer,
  openJob,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepWork } from '../review/operations.ts'

type Terms = Partial<Parameters<TestAgent['api']['tasks']['assign']>[0]>

/** Offer work of a buyer's task to everybody who can extract text. */
async function offer({ buyer, taskId }: Pick<Job, 'buyer' | 'taskId'>, terms: Terms = {}): Promise<string> {
  const given = { taskId, kind: 'execute', capability: 'text.extract', price: '10', acceptWithinMs: ACCEPT_WITHIN_MS } as const
  return (await buyer.api.tasks.assign({ ...given, ...terms })).assignment.assignmentId
}

async function openMarket(platform: TestPlatform) {
  const [buyer, worker] = await Promise.all([
    platform.agent('buyer', { credits: '100' }),
    platform.agent('worker', { capabilities: [{ name: 'text.extract', maxConcurrency: 2 }] }),
  ])
  const { taskId } = await buyer.api.tasks.createTask({})
  return { buyer, worker, taskId }
}

const claim = (agent: TestAgent, assignmentId: string) => agent.api.tasks.claimOffer({ assignmentId })
const shownTo = async (agent: TestAgent) => (await agent.api.tasks.listOffers({})).offers.map((each) => each.assignmentId)

describe('an offer', () => {
  test('shows its terms and nothing else', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const assignmentId = await offer(market, { leaseMs: 5_000, reviewWithinMs: 9_000, maxAttempts: 3 })

    const { offers } = await market.worker.api.tasks.listOffers({})

    expect(offers).toEqual([
      {
        assignmentId,
        kind: 'execute',
        capability: 'text.extract',
        price: '10',
        acceptByMs: platform.deps.now() + ACCEPT_WITHIN_MS,
        leaseMs: 5_000,
        reviewWithinMs: 9_000,
        maxAttempts: 3,
      },
    ])
  })

  test('holds its price for whoever will claim it', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const assignmentId = await offer(market)

    expect(await moneyOf(market.buyer)).toEqual({ buyer: ['90', '10'] })
    const { holds } = await market.buyer.api.settlement.listHolds({ assignmentId })
    expect(holds).toEqual([expect.not.objectContaining({ payeeId: expect.anything() })])
    expect((await market.buyer.api.tasks.getAssignment({ assignmentId })).assignment).toMatchObject({
      state: 'offered',
      funded: true,
    })
  })

  test('is shown to active agents that offer the capability, never to its buyer', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const [other, gone] = await Promise.all([
      platform.agent('other', { capabilities: [{ name: 'text.translate', maxConcurrency: 1 }] }),
      platform.agent('gone', { capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] }),
    ])
    await market.buyer.api.registry.declareCapabilities({ capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] })
    await platform.deps.db.write((tx) => tx.run(`UPDATE agents SET status = 'suspended' WHERE agent_id = 'gone'`))
    const assignmentId = await offer(market)

    expect(await shownTo(market.worker)).toEqual([assignmentId])
    expect([await shownTo(other), await shownTo(gone), await shownTo(market.buyer)]).toEqual([[], [], []])
    await expectRefusal(platform, 'not_found', () => claim(other, assignmentId))
    await expectRefusal(platform, 'not_found', () => claim(market.buyer, assignmentId))
    await expectRefusal(platform, 'agent_suspended', () => claim(gone, assignmentId))
  })

  test('that asks for a reputation is shown to agents with as much of their work passed', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const passed = async (record: [passed: number, failed: number]) => {
      await platform.deps.db.write((tx) =>
        tx.run(
          `INSERT INTO reputation VALUES ('worker', $1, $2)
        ON CONFLICT (agent_id) DO UPDATE SET passed = $1, failed = $2`,
          record,
        ),
      )
      return shownTo(market.worker)
    }
    const any = await offer(market)
    const some = await offer(market, { minReputation: 0 })
    const good = await offer(market, { minReputation: 7_500 })

    expect(await shownTo(market.worker)).toEqual([any])
    expect(await passed([0, 1])).toEqual([any, some])
    await expectRefusal(platform, 'not_found', () => claim(market.worker, good))
    expect(await passed([2, 1])).toEqual([any, some])
    expect(await passed([3, 1])).toEqual([any, some, good])
    expect((await claim(market.worker, good)).assignment.minReputation).toBe(7_500)
  })

  test('is not shown before it is funded, nor after its time, nor after it was taken back', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const unfunded = await offer(market, { fund: false })
    const withdrawn = await offer(market)
    await market.buyer.api.tasks.cancelAssignment({ assignmentId: withdrawn })

    expect(await shownTo(market.worker)).toEqual([])
    for (const each of [unfunded, withdrawn]) await expectRefusal(platform, 'not_found', () => claim(market.worker, each))
    await market.buyer.api.tasks.hold({ assignmentId: unfunded })
    expect(await shownTo(market.worker)).toEqual([unfunded])
    platform.pass(ACCEPT_WITHIN_MS + 1)
    expect(await shownTo(market.worker)).toEqual([])
    await expectRefusal(platform, 'not_found', () => claim(market.worker, unfunded))
    await sweepWork(platform.deps)
    expect(await moneyOf(market.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('is listed oldest first over all capabilities of the agent, page by page', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    await market.worker.api.registry.declareCapabilities({
      capabilities: [
        { name: 'text.extract', maxConcurrency: 1 },
        { name: 'text.translate', maxConcurrency: 1 },
      ],
    })
    const made: string[] = []
    for (const capability of ['text.extract', 'text.translate', 'text.extract', 'text.translate', 'text.other']) {
      made.push(await offer(market, { capability, price: '1' }))
    }
    const shown = made.slice(0, 4).sort()
    const { listOffers } = market.worker.api.tasks
    const first = await listOffers({ limit: 3 })
    const second = await market.worker.api.tasks.listOffers({ limit: 3, cursor: first.nextCursor })

    expect([first, second].map((page) => page.offers.map((each) => each.assignmentId))).toEqual([
      shown.slice(0, 3),
      shown.slice(3),
    ])
    expect(second.nextCursor).toBeUndefined()
    expect((await market.worker.api.tasks.listOffers({ capability: 'text.translate' })).offers).toHaveLength(2)
    expect((await market.worker.api.tasks.listOffers({ limit: 0 })).offers).toEqual([])
  })
})

describe('a claim', () => {
  test('makes the claimant the assignee and the payee; from then on it is an assignment like any other', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const workId = await offer(market)

    const { assignment, contacts } = await claim(market.worker, workId)

    expect(assignment).toMatchObject({ state: 'assigned', assigneeId: 'worker', leaseEpoch: 0 })
    expect(contacts.map((each) => each.agentId)).toEqual(['buyer'])
    expect((await market.worker.api.settlement.listHolds({})).holds).toMatchObject([{ payeeId: 'worker', state: 'active' }])
    const job: Job = { platform, ...market, executor: market.worker, reviewers: [], workId, reviewIds: [] }
    expect((await market.buyer.api.tasks.getTask({ taskId: market.taskId })).participants).toEqual(['worker'])
    await submitWork(job)
    await market.buyer.api.tasks.approveAssignment({ assignmentId: workId })
    expect(await moneyOf(market.buyer, market.worker)).toEqual({ buyer: ['90', '0'], worker: ['10', '0'] })
    expect(await eventsOf(market.buyer)).toContain('assignment.offered')
    expect((await eventsOf(market.worker)).slice(0, 3)).toEqual(['hold.made', 'assignment.assigned', 'assignment.accepted'])
  })

  test('is the first one’s: 16 claimants of one offer, one assignee', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const names = Array.from({ length: 16 }, (_, index) => `worker-${index}`)
    const workers = await Promise.all(
      names.map((name) => platform.agent(name, { capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] })),
    )
    const assignmentId = await offer(market)

    const results = await Promise.allSettled(workers.map((worker) => claim(worker, assignmentId)))

    const taken = results.filter((each) => each.status === 'fulfilled')
    expect(taken).toHaveLength(1)
    const { assigneeId } = await getWork({ buyer: market.buyer, workId: assignmentId })
    expect(taken[0]?.value.assignment.assigneeId).toBe(assigneeId)
    const loser = workers.find((each) => each.agentId !== assigneeId)
    await expectRefusal(platform, 'not_found', () => claim(loser as TestAgent, assignmentId))
    const winner = workers.find((each) => each.agentId === assigneeId)
    await expectRefusal(platform, 'wrong_state', () => claim(winner as TestAgent, assignmentId))
  })

  test('takes no more than the agent’s capacity, however many it claims at once', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const offers = await Promise.all(Array.from({ length: 8 }, () => offer(market, { price: '1' })))

    const results = await Promise.allSettled(offers.map((each) => claim(market.worker, each)))

    expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(2)
    const left = (await shownTo(market.worker))[0] ?? ''
    await expectRefusal(platform, 'capacity_exceeded', () => claim(market.worker, left))
  })

  test('by an agent of the lowest trust tier is refused while it has anything open', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    await platform.deps.db.write((tx) => tx.run(`UPDATE agents SET trust_tier = 3 WHERE agent_id = 'worker'`))
    const [first = '', second = ''] = [await offer(market), await offer(market)]
    await claim(market.worker, first)

    await expectRefusal(platform, 'capacity_exceeded', () => claim(market.worker, second))
  })

  test('that is declined ends the offer, and the money goes back', async () => {
    await using platform = await openTestPlatform()
    const market = await openMarket(platform)
    const assignmentId = await offer(market)
    await claim(market.worker, assignmentId)

    expect((await market.worker.api.tasks.declineAssignment({ assignmentId })).state).toBe('declined')
    expect(await shownTo(market.worker)).toEqual([])
    expect(await moneyOf(market.buyer)).toEqual({ buyer: ['100', '0'] })
  })
})

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
