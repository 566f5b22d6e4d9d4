import { randomBytes } from 'node:crypto'
import { fromBase64url } from '@agent-marketplace/protocol'
import {
  DOC_BYTES_MAX_IN_DROP,
  type OutgoingMessage,
  type SealedDrop,
  sealMessage,
  writeDocument,
} from '@agent-marketplace/protocol/sealing'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { feedCursor } from '../private/arrivals.ts'
import { findContact, pin } from '../private/contacts.ts'
import { countRejected, findMessage, listMessages } from '../private/inbox.ts'
import { type Keyring, makeKeyring } from '../private/keyring.ts'
import { currentPrekey } from '../private/prekeys.ts'
import { dueRemovals } from '../private/removals.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import { type HandoffAgent, introduce, openHandoffAgent } from '../test-handoff.ts'
import type { Agent } from './agent.ts'
import { checkPins } from './check-keys.ts'
import { CliError } from './cli-error.ts'
import { listContacts, trustContact } from './contacts.ts'
import { ackMessage, readInbox } from './read-inbox.ts'
import { receiveDrops } from './receive-drops.ts'
import { broadcastMessage, sendMessage } from './send-message.ts'

let relay: TestRelay
let alice: HandoffAgent
let bob: HandoffAgent
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())
beforeEach(() => {
  alice = openHandoffAgent(relay.origin, 'alice')
  bob = openHandoffAgent(relay.origin, 'bob')
  introduce(alice, bob)
})
afterEach(() => {
  alice[Symbol.dispose]()
  bob[Symbol.dispose]()
})

/** Receive until something came. */
async function receive(agent: Agent) {
  for (;;) {
    const received = await receiveDrops(agent, { waitS: 1 })
    if (received.stored.length + received.rejected.length > 0) return received
  }
}

/** Until all that was put so far is on the feed. */
async function published() {
  const waiting = () => relay.db.read((reader) => reader.all('SELECT place FROM feed_pending'))
  await expect.poll(waiting, { interval: 10 }).toEqual([])
}

/** A drop to bob as alice would seal it, but for what a test changes. */
function sealToBob(change: Partial<OutgoingMessage> = {}): SealedDrop {
  return sealMessage({
    from: 'alice',
    card: alice.keyring.card,
    signingSecret: alice.keyring.signKey.secretKey,
    to: 'bob',
    prekey: fromBase64url(currentPrekey(bob.vault, bob.keyring, Date.now()).signed.prekey)!,
    sentAtMs: Date.now(),
    typ: 'message.text',
    doc: writeDocument('message.text', { v: 1, text: 'hello' }),
    ...change,
  })
}

async function put({ slotId, deleteHash, record, body }: Pick<SealedDrop, 'slotId' | 'deleteHash' | 'record' | 'body'>) {
  const client = await alice.relay()
  await client.put({ slotId, deleteHash, record, body, ttl: '1h' })
}

test('a message arrives once, verified, and is to be deleted from the relay later', async () => {
  const { messageId } = await sendMessage(alice, { to: 'bob', text: 'hello' })
  const { stored, rejected } = await receive(bob)

  expect(stored).toMatchObject([
    { messageId, from: 'alice', typ: 'message.text', state: 'stored', document: { v: 1, text: 'hello' } },
  ])
  expect(rejected).toEqual([])
  expect((await receiveDrops(bob)).stored).toEqual([])
  expect(dueRemovals(bob.vault, Date.now())).toEqual([])
  expect(dueRemovals(bob.vault, Date.now() + 3_600_000)).toHaveLength(1)
  expect((await readInbox(alice)).messages).toEqual([])
})

test('after the relay was put back to an earlier state, messages are found as ever', async () => {
  let nowMs = Date.now()
  const before = await startTestRelay({ now: () => nowMs })
  const at = ({ origin }: TestRelay) => ({
    relay: origin,
    // One and the same address for all three, as far as cursors are concerned.
    wrap: (client: RelayClient) => ({ ...client, origin: 'http://relay.example.org' }),
  })
  await sendMessage(alice.restart(at(before)), { to: 'bob', text: 'first' })
  expect((await receive(bob.restart(at(before)))).stored).toHaveLength(1)
  const later = await before.backUp()
  await sendMessage(alice.restart(at(later)), { to: 'bob', text: 'second' })
  expect((await receive(bob.restart(at(later)))).stored).toHaveLength(1)

  nowMs += 5_000
  await using restored = await later.putBack()
  await sendMessage(alice.restart(at(restored)), { to: 'bob', text: 'third' })
  expect((await receive(bob.restart(at(restored)))).stored).toMatchObject([{ document: { text: 'third' } }])
})

test('a document that does not fit a drop arrives whole', async () => {
  const text = randomBytes(300_000).toString('hex')
  expect(text.length).toBeGreaterThan(DOC_BYTES_MAX_IN_DROP)
  await sendMessage(alice, { to: 'bob', text })
  expect((await receive(bob)).stored).toMatchObject([{ document: { text } }])
})

test('a message that could not be sent is sent once by the same command later', async () => {
  const away = alice.restart({ wrap: (client) => ({ ...client, put: () => Promise.reject(awayError()) }) })
  await expect(sendMessage(away, { to: 'bob', text: 'later' })).rejects.toMatchObject({ code: 'unreachable', exit: 6 })

  const first = await sendMessage(alice.restart(), { to: 'bob', text: 'later' })
  const second = await sendMessage(alice.restart(), { to: 'bob', text: 'later' })
  expect(second.messageId).not.toBe(first.messageId)
  await published()
  const { messages } = await readInbox(bob)
  expect(new Set(messages.map(({ messageId }) => messageId))).toEqual(new Set([first.messageId, second.messageId]))
})

test('with a key of its own, a command sends one message however often it is repeated', async () => {
  const first = await sendMessage(alice, { to: 'bob', text: 'once', key: 'k' })
  expect(await sendMessage(alice, { to: 'bob', text: 'once', key: 'k' })).toEqual(first)
  await receive(bob)
  expect(listMessages(bob.vault, { limit: 10 })).toHaveLength(1)
})

test('processes that send the same at the same time, under one key, send one message', async () => {
  const sent = await Promise.all(
    Array.from({ length: 8 }, () => sendMessage(alice.restart(), { to: 'bob', text: 'race', key: 'r' })),
  )
  expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(1)
  await published()
  await receiveDrops(bob)
  expect(listMessages(bob.vault, { limit: 10 })).toHaveLength(1)
})

test('a process that ends after any step of receiving goes on at the next: nothing is lost or doubled', async () => {
  await sendMessage(alice, { to: 'bob', text: randomBytes(20_000).toString('hex') })
  await published()
  let failing = 0
  // The drop, then the parts of its document: every read fails once.
  const flaky = () => {
    let reads = 0
    return bob.restart({
      wrap: (client) => ({
        ...client,
        read: (cap) => (reads++ === 0 && failing++ < 3 ? Promise.reject(awayError()) : client.read(cap)),
      }),
    })
  }
  for (let crash = 0; crash < 3; crash++) await expect(receiveDrops(flaky())).rejects.toMatchObject({ code: 'unreachable' })
  expect(listMessages(bob.vault, { limit: 10 })).toEqual([])

  const startMs = performance.now()
  const [one, two] = await Promise.all([receiveDrops(bob.restart(), { waitS: 60 }), receiveDrops(bob.restart(), { waitS: 60 })])
  expect(performance.now() - startMs).toBeLessThan(50_000)
  expect([...one.stored, ...two.stored]).toHaveLength(1)
  expect(listMessages(bob.vault, { limit: 10 })).toHaveLength(1)
})

describe('a drop that is worth nothing', () => {
  const mallory = makeKeyring('alice', { name: 'alice' }, Date.now())
  const cases: [reason: string, make: () => SealedDrop][] = [
    ['not_opened', () => ({ ...sealToBob(), body: randomBytes(16_384) })],
    ['addressed_to_another', () => sealToBob({ to: 'carol' })],
    ['not_verified', () => sealToBob({ signingSecret: mallory.signKey.secretKey })],
    ['not_verified', () => sealToBob({ from: 'somebody' })],
    ['key_changed', () => sealToBob({ card: mallory.card, signingSecret: mallory.signKey.secretKey })],
    ['unknown_document', () => sealToBob({ typ: 'order.other' })],
    ['unknown_document', () => sealToBob({ doc: new TextEncoder().encode('{"v":1,"text":"a","b":1}') })],
  ]

  test.each(cases)('is counted as %s, keeps nothing and does not stop the next', async (reason, make) => {
    await put(make())
    await put(sealToBob())
    await published()

    const { stored, rejected } = await receiveDrops(bob)
    expect(rejected.map((each) => each.reason)).toEqual([reason])
    expect(stored).toHaveLength(1)
    expect(countRejected(bob.vault)).toEqual({ [reason]: 1 })
    expect(findContact(bob.vault, 'alice', Date.now())?.signKey).toEqual(alice.keyring.signKey.publicKey)
    expect(findContact(bob.vault, 'somebody', Date.now())).toBeUndefined()
    expect(await receiveDrops(bob)).toEqual({ stored: [], rejected: [] })
    expect((await readInbox(bob)).rejected).toBe(1)
  })

  test('is counted as gone when the relay no longer has it', async () => {
    const drop = sealToBob()
    await put(drop)
    await (await alice.relay()).remove(drop)
    await published()
    expect((await receiveDrops(bob)).rejected).toMatchObject([{ reason: 'gone' }])
  })

  test('is not even seen when its record is shown a second time', async () => {
    const drop = sealToBob()
    await put(drop)
    expect((await receive(bob)).stored).toHaveLength(1)
    await put({ ...drop, slotId: randomBytes(16) })
    await published()
    expect(await receiveDrops(bob)).toEqual({ stored: [], rejected: [] })
  })
})

test('a machine that was cloned, or set back to a copy, loses nothing and sends nothing twice under one name', async () => {
  await sendMessage(bob, { to: 'alice', text: 'before the copy' })
  await receive(alice)
  const copy = alice.clone()

  const [one, other] = [
    await sendMessage(alice, { to: 'bob', text: 'from the one' }),
    await sendMessage(copy, { to: 'bob', text: 'from the other' }),
  ]
  expect(one.messageId).not.toBe(other.messageId)
  for (let got = 0; got < 2; ) got += (await receive(bob)).stored.length

  const { messageId } = await sendMessage(bob, { to: 'alice', text: 'after the copy' })
  for (const machine of [alice, copy]) {
    for (let got = 0; got < 1; ) got += (await receive(machine)).stored.length
    expect(listMessages(machine.vault, { limit: 9 }).map((message) => message.messageId)).toContain(messageId)
    expect(listMessages(machine.vault, { limit: 9 })).toHaveLength(2)
  }
})

test('a listener that was away for weeks takes in what is left of them, page by page', { timeout: 120_000 }, async () => {
  const after = feedCursor(bob.vault, relay.origin)
  const { messageId } = await sendMessage(alice, { to: 'bob', text: 'first' })
  await receive(bob)
  const asked: number[] = []
  const records = () => Array.from({ length: 10_000 }, () => randomBytes(40))
  // A full page, as the feed of these weeks would have many, then the relay's own answer.
  const pages = (client: RelayClient): RelayClient => ({
    ...client,
    async feed(request) {
      asked.push(request.after)
      return asked.length < 2 ? { cursor: request.after + 20_000, records: records() } : client.feed(request)
    },
  })
  const away = bob.restart({ wrap: pages })
  const start = feedCursor(bob.vault, relay.origin)
  await receiveDrops(away)
  expect(asked).toEqual([start, start + 20_000])
  // The relay was never that far: its feed begins anew, and what was seen before is not news.
  expect(feedCursor(bob.vault, relay.origin)).toBeGreaterThan(after)
  expect(listMessages(bob.vault, { limit: 9 }).map((message) => message.messageId)).toEqual([messageId])
})

test('nothing is passed over between one look at the feed and the next', async () => {
  await sendMessage(alice, { to: 'bob', text: 'first' })
  expect((await receive(bob)).stored).toHaveLength(1)
  const client = await alice.relay()
  const head = async () => (await client.feed({ after: 0, waitS: 0 })).cursor
  const before = await head()
  for (const text of ['second', 'third']) await sendMessage(alice, { to: 'bob', text })
  await expect.poll(head, { timeout: 60_000 }).toBe(before + 2)
  expect((await receiveDrops(bob)).stored).toHaveLength(2)
})

test('a feed that never ends keeps back nothing that it has brought', { timeout: 120_000 }, async () => {
  const drop = sealToBob()
  await put(drop)
  const filled = () => [drop.record, ...Array.from({ length: 9_999 }, () => randomBytes(40))]
  const endless = (client: RelayClient): RelayClient => ({
    ...client,
    feed: async ({ after }) => ({ cursor: after + 10_000, records: filled() }),
  })
  const listener = bob.restart({ wrap: endless })

  expect((await receiveDrops(listener, { pagesMax: 1 })).stored).toHaveLength(1)
  const after = feedCursor(bob.vault, relay.origin)
  await receiveDrops(listener, { pagesMax: 1 })
  expect(feedCursor(bob.vault, relay.origin)).toBe(after + 10_000)
})

describe('a flood', { timeout: 120_000 }, () => {
  const limits = { sender: 40_000, strangers: 60_000, all: 100_000 }
  const text = 'x'.repeat(8_000)
  const kept = () => listMessages(bob.vault, { limit: 100 }).length
  /** Take in so many drops; resolves to how many were ever refused, by reason. */
  async function takeIn(count: number): Promise<Record<string, number>> {
    for (let taken = 0; taken < count; ) {
      const { stored, rejected } = await receiveDrops(bob, { waitS: 1, limits })
      taken += stored.length + rejected.length
    }
    return countRejected(bob.vault)
  }

  test('of one sender fills its own share of the inbox and no more, and others are heard', async () => {
    for (let count = 0; count < 4; count++) await sendMessage(alice, { to: 'bob', text })
    expect(await takeIn(4)).toEqual({ over_quota: 2 })
    expect(kept()).toBe(2)

    using carol = openHandoffAgent(relay.origin, 'carol')
    introduce(carol, bob)
    await sendMessage(carol, { to: 'bob', text: 'short' })
    expect(await takeIn(1)).toEqual({ over_quota: 2 })
    expect(listMessages(bob.vault, { limit: 1 })).toMatchObject([{ from: 'carol' }])
  })

  test('of strangers leaves room for those one writes to', async () => {
    const flood = Array.from({ length: 4 }, (_, index) => openHandoffAgent(relay.origin, `stranger-${index}`))
    for (const each of flood) {
      introduce(each, bob)
      await sendMessage(each, { to: 'bob', text })
      await sendMessage(each, { to: 'bob', text })
    }
    const rejected = await takeIn(2 * flood.length)
    expect(rejected.over_quota).toBeGreaterThan(0)

    await sendMessage(alice, { to: 'bob', text })
    expect((await takeIn(1)).over_quota).toBe((rejected.over_quota ?? 0) + 1)
    await sendMessage(bob, { to: 'alice', text: 'say that again' })
    await sendMessage(alice, { to: 'bob', text })
    await takeIn(1)
    expect(listMessages(bob.vault, { limit: 1 })).toMatchObject([{ from: 'alice' }])
    for (const each of flood) each[Symbol.dispose]()
  })

  test('of documents that travel as files is not even fetched', async () => {
    await sendMessage(alice, { to: 'bob', text: 'y'.repeat(200_000) })
    let reads = 0
    const counted = (client: RelayClient): RelayClient => ({
      ...client,
      read(cap) {
        reads += 1
        return client.read(cap)
      },
    })
    const counting = bob.restart({ wrap: counted })
    let rejected: unknown[] = []
    while (rejected.length === 0) rejected = (await receiveDrops(counting, { waitS: 1, limits })).rejected
    expect(rejected).toMatchObject([{ reason: 'over_quota' }])
    expect(reads).toBe(1)
  })
})

describe('somebody this machine has never seen', () => {
  /** A text of `from`, as its keyring signs it; nobody asks the platform who that is. */
  async function write(to: HandoffAgent, { agentId, card, signKey }: Keyring, text: string): Promise<void> {
    const client = await to.relay()
    const drop = sealMessage({
      from: agentId,
      card,
      signingSecret: signKey.secretKey,
      to: to.agentId,
      prekey: fromBase64url(currentPrekey(to.vault, to.keyring, Date.now()).signed.prekey)!,
      sentAtMs: 1,
      typ: 'message.text',
      doc: writeDocument('message.text', { v: 1, text }),
    })
    await client.put({ ...drop, ttl: '1h' })
  }
  const show = (to: Agent, { agentId, card }: Keyring) => pin(to.vault, { agentId, card }, Date.now())
  const read = async (agent: Agent) => (await readInbox(agent)).messages.map(({ summary, claimed }) => ({ summary, claimed }))

  test('is held to the key of its first message, and is what it claims to be once the platform shows that key', async () => {
    using carol = openHandoffAgent(relay.origin, 'carol')
    const dave = makeKeyring('dave', { name: 'Dave' }, Date.now())
    await write(carol, dave, 'hi')
    expect((await receive(carol)).stored).toHaveLength(1)
    expect(findContact(carol.vault, 'dave', Date.now())).toMatchObject({ signKey: dave.signKey.publicKey, isClaimed: true })
    expect(await read(carol)).toEqual([{ summary: 'hi', claimed: true }])

    await write(carol, makeKeyring('dave', { name: 'Dave' }, Date.now()), 'me too')
    expect((await receive(carol)).rejected).toMatchObject([{ reason: 'key_changed' }])
    show(carol, dave)
    expect(await read(carol)).toEqual([{ summary: 'hi', claimed: undefined }])
  })

  test('and of whom the platform shows another key: nothing is sent, both cards are kept, and once the owner has decided the claim counts for nothing', async () => {
    using carol = openHandoffAgent(relay.origin, 'carol')
    const dave = makeKeyring('dave', { name: 'Dave' }, Date.now())
    const impostor = makeKeyring('dave', { name: 'Dave' }, Date.now())
    await write(carol, impostor, 'pay somebody else')
    await receive(carol)
    await write(carol, dave, 'it is me')
    expect((await receive(carol)).rejected).toMatchObject([{ reason: 'key_changed' }])

    expect(() => show(carol, dave)).toThrow(expect.objectContaining({ code: 'key_changed', exit: 8 }))
    expect(listContacts(carol).contacts).toMatchObject([
      { agentId: 'dave', claimed: true, conflict: { source: 'platform', shown: dave.card, pinned: impostor.card } },
    ])
    expect(await trustContact(carol, 'dave', fingerprint(dave.signKey.publicKey))).toMatchObject({ verified: false })
    expect(show(carol, dave)).toMatchObject({ card: dave.card, isClaimed: false })
    expect((await receive(carol)).stored).toMatchObject([{ from: 'dave', document: { text: 'it is me' } }])
    expect(await read(carol)).toEqual([{ summary: 'it is me', claimed: undefined }])
    // From here on the pin holds, against the platform too.
    expect(() => show(carol, impostor)).toThrow(expect.objectContaining({ code: 'key_changed' }))
  })

  test('can neither alarm nor bury an alarm by naming somebody who is known', async () => {
    using carol = openHandoffAgent(relay.origin, 'carol')
    const [dave, impostor, shownByPlatform] = [0, 1, 2].map(() => makeKeyring('dave', { name: 'Dave' }, Date.now())) as Keyring[]
    show(carol, dave!)
    await write(carol, impostor!, 'it is me')
    expect((await receive(carol)).rejected).toMatchObject([{ reason: 'key_changed' }])
    expect(listContacts(carol).contacts).toMatchObject([{ conflict: { source: 'message', shown: impostor!.card } }])
    expect(checkPins(carol)).toBe('1 pinned, 0 compared; messages under other keys than theirs named dave')

    expect(() => show(carol, shownByPlatform!)).toThrow(expect.objectContaining({ code: 'key_changed' }))
    await write(carol, makeKeyring('dave', { name: 'Dave' }, Date.now()), 'no, me')
    await receive(carol)
    expect(listContacts(carol).contacts).toMatchObject([{ conflict: { source: 'platform', shown: shownByPlatform!.card } }])
    expect(() => checkPins(carol)).toThrow('another key was shown for dave')
    const named = fingerprint(shownByPlatform!.signKey.publicKey)
    expect(await trustContact(carol, 'dave', named)).toMatchObject({ fingerprint: named })
  })

  test('leaves nothing, not even its card, where there is no room', async () => {
    using carol = openHandoffAgent(relay.origin, 'carol')
    await write(carol, makeKeyring('dave', { name: 'Dave' }, Date.now()), 'hi')
    let rejected: unknown[] = []
    while (rejected.length === 0)
      rejected = (await receiveDrops(carol, { waitS: 1, limits: { sender: 10, strangers: 10, all: 10 } })).rejected
    expect(rejected).toMatchObject([{ reason: 'over_quota' }])
    expect(carol.vault.all('SELECT * FROM contacts')).toEqual([])
  })
})

test('what was read is deleted from the relay by a later look at the inbox, where no daemon does it', async () => {
  await sendMessage(alice, { to: 'bob', text: 'read me' })
  await receive(bob)
  const read = dueRemovals(bob.vault, Number.MAX_SAFE_INTEGER)
  const relayHas = async () =>
    Promise.all(read.map(async ({ readCap }) => (await (await bob.relay()).read(readCap)) !== undefined))
  await readInbox(bob)
  expect(await relayHas()).toContain(true)

  await readInbox({ ...bob, vault: bob.vault, now: () => Date.now() + 16 * 60_000 })
  expect(await relayHas()).not.toContain(true)
  expect(dueRemovals(bob.vault, Number.MAX_SAFE_INTEGER)).toEqual([])
})

test('acting on a message sends one receipt that names it', async () => {
  const { messageId } = await sendMessage(alice, { to: 'bob', text: 'do it' })
  await receive(bob)
  const hash = findMessage(bob.vault, messageId)!.hash
  expect(await ackMessage(bob, { messageId })).toMatchObject({ messageId, state: 'acted' })
  await ackMessage(bob, { messageId })

  const { stored } = await receive(alice)
  expect(stored).toMatchObject([{ typ: 'receipt', document: { ref: hash, state: 'acted' } }])
  await expect(ackMessage(bob, { messageId: `msg_${'0'.repeat(32)}` })).rejects.toMatchObject({ code: 'not_found' })
  await expect(ackMessage(bob, { messageId: '../x' })).rejects.toMatchObject({ code: 'usage' })
})

test('waiting for the inbox ends when something comes, not when the feed moves for others', async () => {
  using carol = openHandoffAgent(relay.origin, 'carol')
  introduce(alice, carol)
  const waiting = readInbox(carol, { waitS: 60 })
  await sendMessage(alice, { to: 'bob', text: 'not for carol' })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await sendMessage(alice, { to: 'carol', text: 'for carol' })
  expect((await waiting).messages).toMatchObject([{ from: 'alice', summary: 'for carol' }])
})

test('nothing is sent to somebody without a live prekey, and an empty text is no message', async () => {
  await expect(sendMessage(alice, { to: 'nobody', text: 'x' })).rejects.toMatchObject({ code: 'unreachable' })
  await expect(sendMessage(alice, { to: 'bob', text: '' })).rejects.toMatchObject({ code: 'usage' })
  await expect(broadcastMessage(alice, { capability: 'x', text: '' })).rejects.toMatchObject({ code: 'usage' })
})

function awayError() {
  return new CliError('unreachable', 'away')
}
