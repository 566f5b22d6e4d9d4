import type { Capability } from '@agent-marketplace/protocol'
import { describe, expect, test, vi } from 'vitest'
import { engines, postgres } from '../../test/engines.ts'
import { explainLists } from '../../test/explain.ts'
import { acceptWork, giveVerdict, openJob, submitWork } from '../../test/jobs.ts'
import { candidateFaults, takeSnapshot } from '../../test/laws.ts'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { flushBeats, resumePresence, sweepPresence } from '../heartbeat/operations.ts'
import { replaceCapabilities } from '../registry/store.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { discover } from './operations.ts'

const ROUNDS = 12

const offers = (count: number): Capability[] =>
  Array.from({ length: count }, (_, n) => ({ name: `offer-${n}`, maxConcurrency: 100 }))

/** Accept and decline in turn what an agent was given, so that its load changes. */
async function finishOne({ deps }: TestPlatform, agentId: string): Promise<void> {
  await deps.db.write((tx) =>
    tx.run(
      `UPDATE assignments SET state = 'declined' WHERE assignment_id = (SELECT min(assignment_id) FROM assignments WHERE assignee_id = $1 AND state = 'assigned')`,
      [agentId],
    ),
  )
}

/** The law, and how many candidates there are for it to speak about. */
async function look({ deps: { db } }: TestPlatform): Promise<{ faults: string[]; candidates: [string, number, number][] }> {
  const snapshot = await takeSnapshot(db)
  return {
    faults: candidateFaults(snapshot),
    candidates: snapshot.candidates.map(({ agent_id, load, demerit_bps }) => [
      String(agent_id),
      Number(load),
      Number(demerit_bps),
    ]),
  }
}

describe.each(engines)('what discovery reads follows, on $name,', (engine) => {
  test('what agents offer, hold and have come to', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    const reviewer = ['reviewer-1', 0, 5_000] as const
    const expectLook = async (...executor: [load: number, demerit: number]) =>
      expect(await look(platform)).toEqual({ faults: [], candidates: [['executor', ...executor], reviewer] })

    await expectLook(1, 5_000)
    await acceptWork(job)
    await expectLook(1, 5_000)
    await submitWork(job)
    await expectLook(0, 5_000)
    await giveVerdict(job, 0, 'failed')
    await expectLook(1, 5_000)
    await submitWork(job)
    await giveVerdict(job, 0, 'passed')
    await expectLook(0, 3_334)
  })

  test('who is there and who is gone', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const capabilities = ['one', 'two'].map((name) => ({ name, maxConcurrency: 1, price: '3' }))
    const agent = await platform.agent('alpha', { capabilities })
    const buyer = await platform.agent('buyer')
    const { taskId } = await buyer.api.tasks.createTask({})
    expect((await look(platform)).candidates).toHaveLength(2)

    await flushBeats(platform.deps)
    platform.pass(45_001)
    expect(await sweepPresence(platform.deps)).toBe(2)
    expect(await look(platform)).toEqual({ faults: [], candidates: [] })
    await buyer.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute', capability: 'one' })
    await agent.api.heartbeat.beat({})
    expect(await look(platform)).toEqual({
      faults: [],
      candidates: [
        ['alpha', 1, 5_000],
        ['alpha', 0, 5_000],
      ],
    })
    await agent.api.registry.declareCapabilities({ capabilities: capabilities.slice(0, 1) })
    expect(await look(platform)).toEqual({ faults: [], candidates: [['alpha', 1, 5_000]] })
    await agent.api.identity.deregister({})
    expect(await look(platform)).toEqual({ faults: [], candidates: [] })
  })

  test('a beat that came in just before the sweep', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const agent = await platform.agent('alpha', { capabilities: [{ name: 'one', maxConcurrency: 1 }] })
    platform.pass(45_001)
    platform.deps.presence.online(platform.deps.now())
    await agent.api.heartbeat.beat({})

    await sweepPresence(platform.deps)

    expect(await look(platform)).toEqual({ faults: [], candidates: [['alpha', 0, 5_000]] })
  })
})

describe.each(engines)('what discovery reads is right, on $name,', (engine) => {
  test('also where all that it follows changes at once', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const { deps } = platform
    const buyer = await platform.agent('buyer')
    const agents = await Promise.all(
      ['alpha', 'beta', 'gamma'].map((agentId) => platform.agent(agentId, { capabilities: offers(1) })),
    )
    const { taskId } = await buyer.api.tasks.createTask({})
    for (let round = 0; round < ROUNDS; round++) {
      await flushBeats(deps)
      platform.pass(45_001)
      // Who is swept, hired, beats and offers something else at the same moment; a call that comes too late is refused.
      await Promise.allSettled([
        sweepPresence(deps),
        ...agents.flatMap(({ agentId, api }) => [
          api.registry.declareCapabilities({ capabilities: offers(2 + (round % 2)) }),
          buyer.api.tasks.assign({ taskId, assigneeAgentId: agentId, kind: 'execute', capability: 'offer-0' }),
          api.heartbeat.beat({}),
          finishOne(platform, agentId),
        ]),
      ])
      expect((await look(platform)).faults, `round ${round}`).toEqual([])
    }
  })
})

describe('what discovery reads follows, where transactions run side by side,', () => {
  const offer = (name: string) => ({ name, maxConcurrency: 3 })

  /** Do `work` in a transaction that stays open until `other` waits for it. */
  async function whileOpen({ deps: { db } }: TestPlatform, work: (tx: Tx) => Promise<unknown>, other: () => Promise<unknown>) {
    const [isOpen, isWaitedFor] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const held = db.write(async (tx) => {
      await work(tx)
      isOpen.resolve()
      await isWaitedFor.promise
    })
    await Promise.race([isOpen.promise, held])
    const both = Promise.all([other(), held])
    await vi.waitFor(async () => expect(await db.read(countWaiting)).toBe(1), { timeout: 10_000 }).finally(isWaitedFor.resolve)
    await both
  }
  async function countWaiting(reader: Reader): Promise<number> {
    const waits = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return Number((await reader.get(waits))?.n)
  }

  test('who gives work back while it says anew what it offers', async () => {
    await using platform = await openTestPlatform([], {}, { engine: postgres })
    const alpha = await platform.agent('alpha', { capabilities: [offer('one')] })
    const buyer = await platform.agent('buyer')
    const { taskId } = await buyer.api.tasks.createTask({})
    const work = { taskId, assigneeAgentId: 'alpha', kind: 'execute', capability: 'one' } as const
    const { assignment } = await buyer.api.tasks.assign(work)

    await whileOpen(
      platform,
      (tx) => replaceCapabilities(tx, 'alpha', [offer('one')]),
      () => alpha.api.tasks.declineAssignment({ assignmentId: assignment.assignmentId }),
    )
    expect(await look(platform)).toEqual({ faults: [], candidates: [['alpha', 0, 5_000]] })
  })

  test('who comes back while it says what it offers', async () => {
    await using platform = await openTestPlatform([], {}, { engine: postgres })
    const alpha = await platform.agent('alpha', { capabilities: [offer('one')] })
    await flushBeats(platform.deps)
    platform.pass(45_001)
    await sweepPresence(platform.deps)

    await whileOpen(
      platform,
      (tx) => replaceCapabilities(tx, 'alpha', [offer('two')]),
      async () => {
        await alpha.api.heartbeat.beat({})
        await flushBeats(platform.deps)
      },
    )
    expect(await look(platform)).toEqual({ faults: [], candidates: [['alpha', 0, 5_000]] })
  })

  test('the last of two lists that are declared at once', async () => {
    await using platform = await openTestPlatform([], {}, { engine: postgres })
    const alpha = await platform.agent('alpha', { capabilities: [offer('one')] })
    const lists = Array.from({ length: 16 }, (_, index) => [offer(`list.${index}`)])
    await Promise.all(lists.map((capabilities) => alpha.api.registry.declareCapabilities({ capabilities })))

    expect((await alpha.api.discovery.getAgent({ agentId: 'alpha' })).capabilities).toHaveLength(1)
    expect((await look(platform)).faults).toEqual([])
  })
})

test('a start forgets who was gone for more than an hour, and keeps the others', async () => {
  await using platform = await openTestPlatform()
  await platform.agent('long-gone')
  platform.pass(3_600_000 - 30_000)
  await platform.agent('just-gone')
  platform.pass(75_002)
  await flushBeats(platform.deps)

  await resumePresence(platform.deps)

  const rows = await platform.deps.db.read((reader) => reader.all('SELECT agent_id FROM presence'))
  expect(rows.map((row) => row.agent_id)).toEqual(['just-gone'])
})

test('a page is read along the index, rank by rank and no further than its price, without a sort of what is there', async () => {
  await using platform = await openTestPlatform()
  const { deps, plans } = explainLists(platform.deps)
  await discover(deps, 'buyer', { capability: 'one', limit: 20, includeBusy: false, maxPrice: '5', minReputation: 1 })

  const ofCandidates = plans.flat().filter((detail) => detail.includes('candidates_in_order'))
  expect(ofCandidates).toEqual([
    'SEARCH o USING INDEX candidates_in_order (capability=? AND demerit_bps=? AND (price_micro,load,agent_id)>(?,?,?) AND price_micro<?)',
    'SEARCH candidates USING COVERING INDEX candidates_in_order (capability=? AND demerit_bps>? AND demerit_bps<?)',
  ])
  // The one sort is of the page.
  expect(plans.flat().filter((detail) => detail.includes('TEMP B-TREE'))).toHaveLength(1)
})
