// Several server processes over one PostgreSQL: one key has one effect, one offer one claimant, one balance one owner, one hold one end.
// LONG=1 does it as often as design/quality.md promises.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyLedger } from '../../packages/platform-server/src/settlement/operations.ts'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import type { Engine, Place } from '../../packages/platform-server/test/place.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../packages/platform-server/test/platform.ts'
import { type Call, Racers, type Result } from './racers.ts'

const LONG = process.env.LONG === '1'
const PROCESSES = 4
const SENDERS = 32
const KEYS = LONG ? 500 : 4
const CLAIMANTS = 8
const OFFERS = LONG ? 3_000 : 8
const HOLDS = LONG ? 1_000 : 8
const PATIENCE_MS = LONG ? 6 * 3_600_000 : 120_000

let place: Place
let platform: TestPlatform
let racers: Racers
let buyer: TestAgent
let workers: TestAgent[]

beforeAll(async () => {
  place = await postgres.open()
  const engine: Engine = { name: 'PostgreSQL', open: async () => ({ ...place, [Symbol.asyncDispose]: async () => {} }) }
  platform = await openTestPlatform([], {}, { engine })
  buyer = await platform.agent('buyer')
  const capabilities = [{ name: 'work', maxConcurrency: 10_000 }]
  workers = await Promise.all(
    Array.from({ length: CLAIMANTS }, (_, index) => platform.agent(`worker-${index}`, { capabilities })),
  )
  racers = await Racers.start(PROCESSES, { database: place.database ?? '', flags: [] }, platform.deps.now)
}, 60_000)
afterAll(async () => {
  await racers[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})

let keys = 0
const call = ({ token }: TestAgent, procedure: Call['procedure'], input: object, key = `race-${++keys}`): Call => ({
  token,
  key,
  procedure,
  input,
})
const replies = (results: Result[][]) => results.flat().flatMap(({ reply }) => (reply === undefined ? [] : [reply]))
const codes = (results: Result[][]) =>
  [...new Set(results.flat().flatMap(({ code }) => (code === undefined ? [] : [code])))].sort()
const repeat = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index))
const expectSoundLedger = async () => expect((await platform.deps.db.read(verifyLedger)).fault).toBeUndefined()

test(
  `one key, ${SENDERS} senders in each of ${PROCESSES} processes: one effect and one reply`,
  async () => {
    const agent = await platform.agent('one-key')
    for (let round = 1; round <= KEYS; round++) {
      const results = await racers.race(() =>
        repeat(SENDERS, () => call(agent, ['settlement', 'deposit'], { amount: '1' }, `key-${round}`)),
      )
      expect(codes(results)).toEqual([])
      expect(replies(results)).toHaveLength(SENDERS * PROCESSES)
      expect(new Set(replies(results).map((reply) => JSON.stringify(reply))).size).toBe(1)
      expect(await agent.api.settlement.balance({})).toEqual({ available: String(round), held: '0' })
    }
    await expectSoundLedger()
  },
  PATIENCE_MS,
)

test(
  `${CLAIMANTS} claimants in each of ${PROCESSES} processes: every offer is claimed once`,
  async () => {
    const { taskId } = await buyer.api.tasks.createTask({})
    for (let round = 1; round <= OFFERS; round++) {
      const { assignment } = await buyer.api.tasks.assign({ taskId, kind: 'execute', capability: 'work' })
      const { assignmentId } = assignment
      const results = await racers.race(() => workers.map((worker) => call(worker, ['tasks', 'claimOffer'], { assignmentId })))
      expect(replies(results)).toHaveLength(1)
      expect(['not_found', 'wrong_state']).toEqual(expect.arrayContaining(codes(results)))
    }
  },
  PATIENCE_MS,
)

test(
  'many holds on one balance: as many as it has money for, and not one more',
  async () => {
    const spender = await platform.agent('spender', { credits: '100' })
    const { taskId } = await spender.api.tasks.createTask({})
    const assign = (index: number) =>
      call(spender, ['tasks', 'assign'], { taskId, kind: 'execute', assigneeAgentId: `worker-${index % CLAIMANTS}`, price: '7' })
    const results = await racers.race(() => repeat(6, assign))

    expect(replies(results)).toHaveLength(14)
    expect(codes(results)).toEqual(['insufficient_funds'])
    expect(await spender.api.settlement.balance({})).toEqual({ available: '2', held: '98' })
    await expectSoundLedger()
  },
  PATIENCE_MS,
)

test(
  'approving, settling and taking back at once: every hold ends once',
  async () => {
    const payer = await platform.agent('payer', { credits: String(HOLDS) })
    const worker = await platform.agent('paid', { capabilities: [{ name: 'work', maxConcurrency: HOLDS }] })
    const { taskId } = await payer.api.tasks.createTask({})
    for (let round = 1; round <= HOLDS; round++) {
      const { assignment, holdId = '' } = await payer.api.tasks.assign({
        taskId,
        kind: 'execute',
        assigneeAgentId: 'paid',
        price: '1',
      })
      const { assignmentId } = assignment
      const { leaseEpoch } = await worker.api.tasks.acceptAssignment({ assignmentId })
      await worker.api.tasks.completeAssignment({ assignmentId, leaseEpoch })
      const results = await racers.race(() => [
        ...repeat(4, () => call(payer, ['tasks', 'approveAssignment'], { assignmentId })),
        ...repeat(2, () => call(payer, ['tasks', 'refund'], { holdId })),
        ...repeat(2, () => call(worker, ['review', 'settle'], { assignmentId })),
      ])
      expect(results.flatMap((each) => each.slice(0, 4).filter(({ reply }) => reply))).toHaveLength(1)
      expect(results.flatMap((each) => each.slice(4, 6).filter(({ reply }) => reply))).toEqual([])
    }
    expect(await payer.api.settlement.balance({})).toEqual({ available: '0', held: '0' })
    expect(await worker.api.settlement.balance({})).toEqual({ available: String(HOLDS), held: '0' })
    await expectSoundLedger()
  },
  PATIENCE_MS,
)

test(
  'a process that is killed in the middle holds nobody up, and its calls can be made again',
  async () => {
    const agent = await platform.agent('survivor')
    const deposits = (process: number) =>
      repeat(40, (index) => call(agent, ['settlement', 'deposit'], { amount: '1' }, `kill-${process}-${index}`))
    const racing = racers.race(deposits)
    await pause(100)
    racers.kill(0)
    const results = await racing
    expect(codes(results)).toEqual([])
    for (const { key, input } of deposits(0)) await agent.as(key).settlement.deposit(input as { amount: string })

    expect(await agent.api.settlement.balance({})).toEqual({ available: String(40 * PROCESSES), held: '0' })
    await expectSoundLedger()
  },
  PATIENCE_MS,
)
