import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { getWork } from '../../test/jobs.ts'
import { claim, offer, openMarket, shownTo } from '../../test/offers.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

describe.each(engines)('a claim, on $name', (engine) => {
  test('is the first one’s: 16 claimants of one offer, one assignee', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
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
    await using platform = await openTestPlatform([], {}, { engine })
    const market = await openMarket(platform)
    // Of tasks of their own, so that nothing but the agent is the same for all of them.
    const tasks = await Promise.all(Array.from({ length: 8 }, () => market.buyer.api.tasks.createTask({})))
    const offers = await Promise.all(tasks.map(({ taskId }) => offer({ ...market, taskId }, { price: '1' })))

    const results = await Promise.allSettled(offers.map((each) => claim(market.worker, each)))

    expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(2)
    const left = (await shownTo(market.worker))[0] ?? ''
    await expectRefusal(platform, 'capacity_exceeded', () => claim(market.worker, left))
  })
})
