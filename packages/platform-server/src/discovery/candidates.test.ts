import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { acceptWork, giveVerdict, openJob, submitWork } from '../../test/jobs.ts'
import { candidateFaults, takeSnapshot } from '../../test/laws.ts'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { flushBeats, resumePresence, sweepPresence } from '../heartbeat/operations.ts'
import { discover } from './operations.ts'

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

test('a page is read along the index, without a sort, whatever it is filtered by', async () => {
  await using platform = await openTestPlatform()
  const seen: string[] = []
  const { db } = platform.deps
  const explained = {
    ...platform.deps,
    db: {
      ...db,
      read: <T>(work: Parameters<typeof db.read<T>>[0]) =>
        db.read((reader) =>
          work({
            get: (sql, params) => reader.get(sql, params),
            all: async (sql, params) => {
              const plan = await reader.all(`EXPLAIN QUERY PLAN ${sql}`, params)
              seen.push(...plan.map((row) => String(row.detail)))
              return reader.all(sql, params)
            },
          }),
        ),
    },
  }
  const input = { capability: 'one', limit: 20, includeBusy: false, maxPrice: '5', minReputation: 1 }
  await discover(explained, 'buyer', input)

  expect(seen[0]).toMatch(/^SEARCH k USING INDEX candidates_in_order \(capability=\? AND \(demerit_bps,/)
  expect(seen.filter((detail) => /SCAN|TEMP B-TREE/.test(detail))).toEqual([])
})
