import { describe, expect, test } from 'vitest'
import { ACCEPT_WITHIN_MS, eventsOf, type Job, moneyOf, submitWork } from '../../test/jobs.ts'
import { claim, offer, openMarket, shownTo } from '../../test/offers.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepWork } from '../review/operations.ts'

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
    const shown = made.slice(0, 4)
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
