import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { countRejected, findMessage, listMessages } from '../private/inbox.ts'
import { dueRemovals } from '../private/removals.ts'
import { listSentMessages } from '../private/sent.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import { introduce, openHandoffAgent } from '../test-handoff.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { readMessage } from './read-inbox.ts'
import { receiveDrops } from './receive-drops.ts'
import { sealDocument } from './seal-document.ts'
import { sealReceipts } from './send-receipts.ts'

const LONG = process.env.LONG === '1'
const RUNS = LONG ? 300 : 12
/** Does not fit a drop, so that its document travels as an artifact. */
const LONG_TEXT = 'long '.repeat(4_000)
const DRAIN_ROUNDS_MAX = 400

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())

/** What may happen to a call: it works, it never gets there, or it is done and its answer is lost. Of the feed also: shown twice, or the other way round. */
const CallFault = fc.constantFrom('none', 'lost', 'answer-lost')
const FeedFault = fc.constantFrom('none', 'lost', 'twice', 'reversed')
const Faults = fc.record({
  put: fc.array(CallFault, { maxLength: 4 }),
  read: fc.array(CallFault, { maxLength: 4 }),
  feed: fc.array(FeedFault, { maxLength: 2 }),
})
type Faults = typeof Faults extends fc.Arbitrary<infer F> ? F : never
const Who = fc.constantFrom('alice' as const, 'bob' as const)
const Step = fc.oneof(
  fc.record({ act: fc.constant('write' as const), isLong: fc.boolean() }),
  fc.record({ act: fc.constant('deliver' as const), who: Who, faults: Faults }),
  fc.record({ act: fc.constant('receive' as const), who: Who, faults: Faults }),
  fc.record({ act: fc.constant('receive twice' as const), faults: Faults }),
  fc.record({ act: fc.constant('open' as const), which: fc.nat(20) }),
)

function faulty(client: RelayClient, faults: Faults): RelayClient {
  const [put, read, feed] = [[...faults.put], [...faults.read], [...faults.feed]]
  const away = () => new CliError('unreachable', 'the relay cannot be reached')
  const suffer = async <T>(queue: string[], call: () => Promise<T>): Promise<T> => {
    const fault = queue.shift() ?? 'none'
    if (fault === 'lost') throw away()
    const answer = await call()
    if (fault === 'answer-lost') throw away()
    return answer
  }
  return {
    ...client,
    put: (upload) => suffer(put, () => client.put(upload)),
    read: (cap) => suffer(read, () => client.read(cap)),
    async feed(request) {
      const fault = feed.shift()
      if (fault === 'lost') throw away()
      const page = await client.feed(request)
      if (fault === 'twice') return { ...page, records: [...page.records, ...page.records] }
      return fault === 'reversed' ? { ...page, records: page.records.toReversed() } : page
    },
  }
}

const NO_FAULTS: Faults = { put: [], read: [], feed: [] }

property.prop([fc.array(Step, { minLength: 4, maxLength: 24 })], { numRuns: RUNS, endOnFailure: true })(
  'whatever is lost, repeated, reordered or ended: every message arrives once, and no sender is told more than happened',
  async (steps) => {
    using alice = openHandoffAgent(relay.origin, 'alice')
    using bob = openHandoffAgent(relay.origin, 'bob')
    introduce(alice, bob)
    const agents = { alice, bob }
    const written = new Map<string, string>()
    const opened = new Set<string>()

    // Every step is done by a process that has just begun and ends after it, wherever it is by then.
    const started = (who: 'alice' | 'bob', faults: Faults) => agents[who].restart({ wrap: (client) => faulty(client, faults) })
    const survive = async (action: () => Promise<unknown>) => {
      try {
        await action()
      } catch (error) {
        if (!(error instanceof CliError && error.code === 'unreachable')) throw error
      }
    }
    const receive = async (agent: Agent) => {
      await receiveDrops(agent)
      await sealReceipts(agent)
    }

    async function take(step: (typeof steps)[number]): Promise<void> {
      if (step.act === 'write') {
        const text = step.isLong ? `${written.size} ${LONG_TEXT}` : `message ${written.size}`
        const document = { v: 1, text } as const
        const agent = started('alice', NO_FAULTS)
        written.set(await sealDocument(agent, { to: 'bob', typ: 'message.text', document, purpose: text }), text)
      } else if (step.act === 'deliver')
        await survive(() => deliverOutbox(started(step.who, step.faults), { evenAfterFailure: true }))
      else if (step.act === 'receive') await survive(() => receive(started(step.who, step.faults)))
      else if (step.act === 'receive twice')
        await Promise.all([step.faults, NO_FAULTS].map((faults) => survive(() => receive(started('bob', faults)))))
      else {
        const arrived = listMessages(bob.vault, { limit: 50 })
        const message = arrived[step.which % Math.max(1, arrived.length)]
        if (!message) return
        await readMessage(started('bob', NO_FAULTS), { messageId: message.messageId })
        opened.add(message.messageId)
      }
    }

    /** What alice is told is never ahead of what happened at bob's. */
    function expectHonest(): void {
      for (const { messageId, state } of listSentMessages(alice.vault, { limit: 50 })) {
        if (state === 'stored' || state === 'opened') expect(findMessage(bob.vault, messageId)).toBeDefined()
        if (state === 'opened') expect(opened).toContain(messageId)
        expect(state).not.toBe('acted')
      }
    }

    for (const step of steps) {
      await take(step)
      expectHonest()
    }

    const isDone = () =>
      listSentMessages(alice.vault, { limit: 50 }).every(
        ({ messageId, state }) => state === (opened.has(messageId) ? 'opened' : 'stored'),
      )
    for (let left = DRAIN_ROUNDS_MAX; left > 0 && !isDone(); left--)
      for (const who of ['alice', 'bob'] as const) {
        await deliverOutbox(started(who, NO_FAULTS), { evenAfterFailure: true })
        await receive(started(who, NO_FAULTS))
        expectHonest()
      }

    const arrived = listMessages(bob.vault, { limit: 50 })
    expect(new Map(arrived.map(({ messageId, document }) => [messageId, 'text' in document ? document.text : '']))).toEqual(
      written,
    )
    expect(arrived).toHaveLength(written.size)
    expect(isDone()).toBe(true)
    expect(countRejected(bob.vault)).toEqual({})
    expect(dueRemovals(bob.vault, Number.MAX_SAFE_INTEGER)).toHaveLength(written.size)
  },
  LONG ? 900_000 : 120_000,
)
