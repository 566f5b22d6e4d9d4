import type { Candidate, Capability } from '@agent-marketplace/protocol'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

const CAPABILITY = 'text.extract'
const offer = (price?: string, maxConcurrency = 2): Capability[] => [
  { name: CAPABILITY, maxConcurrency, ...(price !== undefined && { price }) },
]

/** Write down how an agent's work was decided. */
function setRecord({ deps }: TestPlatform, agentId: string, passed: number, failed: number): Promise<number> {
  return deps.db.write((tx) =>
    tx.run('INSERT INTO reputation (agent_id, passed, failed) VALUES ($1, $2, $3)', [agentId, passed, failed]),
  )
}

async function give(buyer: TestAgent, assigneeAgentId: string, times = 1): Promise<string[]> {
  const { taskId } = await buyer.api.tasks.createTask({})
  const ids: string[] = []
  for (let i = 0; i < times; i++) {
    const { assignment } = await buyer.api.tasks.assign({ taskId, assigneeAgentId, kind: 'execute', capability: CAPABILITY })
    ids.push(assignment.assignmentId)
  }
  return ids
}

async function found({ api }: TestAgent, more: object = {}): Promise<string[]> {
  const { candidates } = await api.discovery.discover({ capability: CAPABILITY, ...more })
  return candidates.map(({ agentId }) => agentId)
}

describe('discover', () => {
  test('finds who offers the capability, with what is needed to verify and to seal', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    await platform.agent('alpha', { capabilities: offer('2.5', 3) })
    await platform.agent('other', { capabilities: [{ name: 'text.extract/2', maxConcurrency: 1 }] })
    const { card, prekey } = await buyer.api.discovery.getAgent({ agentId: 'alpha' })

    expect(await buyer.api.discovery.discover({ capability: CAPABILITY })).toEqual({
      candidates: [
        {
          agentId: 'alpha',
          card,
          prekey,
          capability: CAPABILITY,
          price: '2.5',
          load: 0,
          maxConcurrency: 3,
          reputation: undefined,
        },
      ],
    })
  })

  test('never finds the caller itself', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities: offer() })
    await platform.agent('beta', { capabilities: offer() })

    expect(await found(agent)).toEqual(['beta'])
    expect(await found(agent, { includeBusy: true })).toEqual(['beta'])
  })

  test.each(engines)('orders by rank, then price, then load, then id, also page by page, on $name', async (engine) => {
    await using platform = await openTestPlatform([], {}, { engine })
    const buyer = await platform.agent('buyer')
    for (const [agentId, price] of Object.entries({
      'a.dear': '9',
      'b.cheap': '1',
      'c.loaded': '1',
      'd.free': undefined,
      'e.best': '99',
    }))
      await platform.agent(agentId, { capabilities: offer(price, 5) })
    await platform.agent('f.worst', { capabilities: offer() })
    await platform.agent('a.twin', { capabilities: offer('9') })
    await setRecord(platform, 'e.best', 9, 1)
    await setRecord(platform, 'f.worst', 1, 3)
    await give(buyer, 'c.loaded')

    const order = ['e.best', 'd.free', 'b.cheap', 'c.loaded', 'a.dear', 'a.twin', 'f.worst']
    expect(await found(buyer)).toEqual(order)
    let cursor: string | undefined
    for (const agentId of order) {
      const { candidates, nextCursor } = await buyer.api.discovery.discover({ capability: CAPABILITY, limit: 1, cursor })
      expect(candidates).toMatchObject([{ agentId }])
      cursor = nextCursor
    }
    expect(cursor).toBeUndefined()
  })

  test('shows the share of decided work that passed, and nothing for a newcomer', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    for (const agentId of ['newcomer', 'two-thirds', 'spotless']) await platform.agent(agentId, { capabilities: offer() })
    await setRecord(platform, 'two-thirds', 2, 1)
    await setRecord(platform, 'spotless', 3, 0)

    const { candidates } = await buyer.api.discovery.discover({ capability: CAPABILITY })
    expect(candidates.map(({ agentId, reputation }) => [agentId, reputation])).toEqual([
      ['spotless', 10_000],
      ['two-thirds', 6_666],
      ['newcomer', undefined],
    ])
    expect(await found(buyer, { minReputation: 6_666 })).toEqual(['spotless', 'two-thirds'])
    expect(await found(buyer, { minReputation: 6_667 })).toEqual(['spotless'])
    expect(await found(buyer, { minReputation: 0 })).toEqual(['spotless', 'two-thirds'])
  })

  test('leaves out who asks for more, to the last millionth', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    await platform.agent('exact', { capabilities: offer('5.000001') })
    await platform.agent('free', { capabilities: offer() })

    expect(await found(buyer, { maxPrice: '5.000001' })).toEqual(['free', 'exact'])
    expect(await found(buyer, { maxPrice: '5' })).toEqual(['free'])
  })

  test('leaves out who has no free capacity for this capability, unless busy ones are wanted too', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const worker = await platform.agent('worker', {
      capabilities: [...offer(undefined, 2), { name: 'other', maxConcurrency: 1 }],
    })
    const load = async () =>
      (await buyer.api.discovery.discover({ capability: CAPABILITY, includeBusy: true })).candidates[0]?.load

    const [first = ''] = await give(buyer, 'worker')
    expect(await found(buyer)).toEqual(['worker'])
    expect(await load()).toBe(1)
    await give(buyer, 'worker')
    expect(await found(buyer)).toEqual([])
    expect(await found(buyer, { includeBusy: true })).toEqual(['worker'])
    expect(await load()).toBe(2)
    const { candidates } = await buyer.api.discovery.discover({ capability: 'other' })
    expect(candidates).toMatchObject([{ agentId: 'worker', load: 0 }])

    const { leaseEpoch } = await worker.api.tasks.acceptAssignment({ assignmentId: first })
    expect(await load()).toBe(2)
    await worker.api.tasks.completeAssignment({ assignmentId: first, leaseEpoch })
    expect(await load()).toBe(1)
    expect(await found(buyer)).toEqual(['worker'])
  })

  test('leaves out who says that it is busy, unless busy ones are wanted too', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const worker = await platform.agent('worker', { capabilities: offer() })

    await worker.api.heartbeat.beat({ busy: true })
    expect(await found(buyer)).toEqual([])
    expect(await found(buyer, { includeBusy: true })).toEqual(['worker'])
    await worker.api.heartbeat.beat({ busy: false })
    expect(await found(buyer)).toEqual(['worker'])
  })

  test('with a limit of 0 finds none', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    await platform.agent('alpha', { capabilities: offer() })

    expect(await buyer.api.discovery.discover({ capability: CAPABILITY, limit: 0 })).toEqual({ candidates: [] })
  })

  test('finds nobody for a capability that nobody offers', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')

    expect(await buyer.api.discovery.discover({ capability: 'nothing' })).toEqual({ candidates: [] })
  })

  test.each([
    ['-1', -1],
    ['101', 101],
    ['10⁹', 1e9],
    ['half', 1.5],
  ])('refuses a limit of %s', async (_, limit) => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')

    await expectRefusal(platform, 'invalid_input', () => buyer.api.discovery.discover({ capability: CAPABILITY, limit }))
  })
})

describe('pages', () => {
  property.prop(
    [
      fc.array(fc.record({ price: fc.constantFrom(undefined, '1', '2.5', '1000000000'), passed: fc.nat(3), failed: fc.nat(3) }), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer({ min: 1, max: 5 }),
      fc.record(
        { maxPrice: fc.constantFrom('1', '2.5'), minReputation: fc.constantFrom(0, 5_000, 6_000, 10_000) },
        { requiredKeys: [] },
      ),
    ],
    { numRuns: 12 },
  )('put together are the whole list, in order, each agent once, less what was not asked for', async (agents, limit, filter) => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    for (const [index, { price, passed, failed }] of agents.entries()) {
      await platform.agent(`agent-${index}`, { capabilities: offer(price) })
      await setRecord(platform, `agent-${index}`, passed, failed)
    }
    const whole = (await buyer.api.discovery.discover({ capability: CAPABILITY, limit: 100 })).candidates

    const paged: Candidate[] = []
    let cursor: string | undefined
    do {
      const page = await buyer.api.discovery.discover({ capability: CAPABILITY, limit, cursor, ...filter })
      expect(page.candidates.length).toBeLessThanOrEqual(limit)
      paged.push(...page.candidates)
      cursor = page.nextCursor
    } while (cursor)

    const { maxPrice = '1000000000', minReputation = -1 } = filter
    expect(paged).toEqual(
      whole.filter(({ price = '0', reputation = -1 }) => Number(price) <= Number(maxPrice) && reputation >= minReputation),
    )
    expect(whole).toHaveLength(agents.length)
  })

  test.each([
    ['is no list', Buffer.from('{}').toString('base64url')],
    ['is no JSON', 'hello'],
    ['belongs to another list', Buffer.from('["alpha"]').toString('base64url')],
    ['holds SQL', Buffer.from(`[5000,"0",0,"x' OR 1=1 --"]`).toString('base64url')],
  ])('refuse a cursor that %s', async (_, cursor) => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    await platform.agent('alpha', { capabilities: offer() })

    await expectRefusal(platform, 'invalid_input', () => buyer.api.discovery.discover({ capability: CAPABILITY, cursor }))
  })

  test('of the directory put together are the whole directory', async () => {
    await using platform = await openTestPlatform()
    const ids = ['alpha', 'beta', 'delta', 'epsilon', 'gamma']
    for (const agentId of ids) await platform.agent(agentId)
    const { api } = await platform.agent('zeta')

    const listed: string[] = []
    let cursor: string | undefined
    do {
      const page = await api.discovery.listAgents({ limit: 2, cursor })
      listed.push(...page.agents.map(({ agentId }) => agentId))
      cursor = page.nextCursor
    } while (cursor)

    expect(listed).toEqual([...ids, 'zeta'])
    expect(await api.discovery.listAgents({ limit: 0 })).toEqual({ agents: [] })
  })
})

describe('the directory', () => {
  test('lists the living and the silent, and the deregistered only on request', async () => {
    await using platform = await openTestPlatform()
    const gone = await platform.agent('gone', { capabilities: offer() })
    await platform.agent('silent', { capabilities: offer('3') })
    platform.pass(45_001)
    const { api } = await platform.agent('reader')
    await gone.api.identity.deregister({})
    const list = async (input: object) =>
      (await api.discovery.listAgents(input)).agents.map(({ agentId, status, alive, capabilities }) => [
        agentId,
        status,
        alive,
        capabilities.length,
      ])

    expect(await list({})).toEqual([
      ['reader', 'active', true, 0],
      ['silent', 'active', false, 1],
    ])
    expect(await list({ includeDeregistered: true })).toEqual([
      ['gone', 'deregistered', false, 0],
      ['reader', 'active', true, 0],
      ['silent', 'active', false, 1],
    ])
    expect(await list({ aliveOnly: true, includeDeregistered: true })).toEqual([['reader', 'active', true, 0]])
  })

  test('shows one agent, and an unknown one is not found', async () => {
    await using platform = await openTestPlatform()
    const { api } = await platform.agent('reader')
    await platform.agent('alpha', { capabilities: offer('3') })

    expect(await api.discovery.getAgent({ agentId: 'alpha' })).toMatchObject({
      agentId: 'alpha',
      status: 'active',
      alive: true,
      busy: false,
      capabilities: offer('3'),
    })
    await expectRefusal(platform, 'not_found', () => api.discovery.getAgent({ agentId: 'nobody' }))
  })
})
