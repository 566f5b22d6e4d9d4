import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { writeKeyring } from '../private/keyring.ts'
import { endDropsOf, nextDueAtMs } from '../private/outbox.ts'
import { dueRemovals } from '../private/removals.ts'
import { replaceKey } from '../private/replace-key.ts'
import { type HandoffAgent, introduce, openHandoffAgent } from '../test-handoff.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { listOutbox } from './list-outbox.ts'
import { ackMessage, readInbox, readMessage } from './read-inbox.ts'
import { receiveDrops } from './receive-drops.ts'
import { sealCover } from './send-cover.ts'
import { sendMessage } from './send-message.ts'
import { sealReceipts } from './send-receipts.ts'

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

const with_ = (agent: Agent, change: Partial<Agent>): Agent => ({ ...agent, vault: agent.vault, ...change })
const resting = (agent: Agent, delay: 'balanced' | 'private') =>
  with_(agent, { handoff: { delay, cover: false, receipts: true } })

/** Receive until something came. */
async function receive(agent: Agent): Promise<number> {
  for (let left = 60; left > 0; left--) {
    const { stored } = await receiveDrops(agent, { waitS: 1 })
    if (stored.length > 0) return stored.length
  }
  return 0
}

async function stateOf(messageId: string): Promise<string | undefined> {
  return (await listOutbox(alice)).messages.find((message) => message.messageId === messageId)?.state
}

/** Until a message has come this far. */
async function until(messageId: string, state: string): Promise<void> {
  await expect.poll(() => stateOf(messageId), { timeout: 60_000, interval: 50 }).toBe(state)
}

test('a drop that rests is not sent before its time, whoever asks, and is sent then', async () => {
  const sender = resting(alice, 'private')
  const { messageId, dueAtMs = 0 } = await sendMessage(sender, { to: 'bob', text: 'later' })
  expect(dueAtMs).toBeGreaterThan(Date.now() - 60_000)
  const early = with_(sender, { now: () => dueAtMs - 1 })
  expect(await deliverOutbox(early, { evenAfterFailure: true })).toEqual({ sent: [], refused: [] })
  expect((await listOutbox(early, { isWaiting: true })).messages).toMatchObject([{ messageId, state: 'waiting', dueAtMs }])
  expect(nextDueAtMs(alice.vault)).toBe(dueAtMs)

  expect(await deliverOutbox(with_(alice, { now: () => dueAtMs }))).toEqual({ sent: [messageId], refused: [] })
  expect(await receive(bob)).toBe(1)
})

test('drops sealed together rest for times of their own', async () => {
  const sender = resting(alice, 'private')
  const sent = await Promise.all(['a', 'b', 'c'].map((text) => sendMessage(sender, { to: 'bob', text })))
  expect(new Set(sent.map(({ dueAtMs }) => dueAtMs)).size).toBe(3)
})

test('a sender sees how far a message has come: with the relay, stored, opened, acted', async () => {
  const { messageId, ...held } = await sendMessage(alice, { to: 'bob', text: 'hello' })
  expect(held).toEqual({})
  expect(await stateOf(messageId)).toBe('sent')

  await receive(bob)
  await sealReceipts(bob)
  await deliverOutbox(bob)
  await until(messageId, 'stored')
  await readMessage(bob, { messageId })
  await until(messageId, 'opened')
  await ackMessage(bob, { messageId })
  await until(messageId, 'acted')
  expect((await readInbox(alice)).messages).toEqual([])
})

test('a receipt of anybody but the recipient moves nothing', async () => {
  using carol = openHandoffAgent(relay.origin, 'carol')
  introduce(alice, bob, carol)
  const { messageId } = await sendMessage(alice, { to: 'bob', text: 'same words' })
  const copy = await sendMessage(alice, { to: 'carol', text: 'same words' })
  await receive(carol)
  await readMessage(carol, { messageId: copy.messageId })
  await until(copy.messageId, 'opened')
  expect(await stateOf(messageId)).toBe('sent')
})

test('of two equal messages only as many count as opened as were', async () => {
  const first = await sendMessage(alice, { to: 'bob', text: 'again' })
  const second = await sendMessage(alice, { to: 'bob', text: 'again' })
  while ((await readInbox(bob)).messages.length < 2) await receiveDrops(bob, { waitS: 1 })
  await readMessage(bob, { messageId: first.messageId })
  await expect
    .poll(async () => [await stateOf(first.messageId), await stateOf(second.messageId)].sort(), { timeout: 60_000 })
    .toEqual(['opened', 'stored'])
})

test('no receipt is made where they are off, or where the sender would have to be looked up', async () => {
  using carol = openHandoffAgent(relay.origin, 'carol')
  introduce(carol, carol)
  introduce(alice, carol)
  carol.vault.run('UPDATE contacts SET prekey = NULL')
  await sendMessage(alice, { to: 'carol', text: 'to one who cannot answer' })
  expect(await receive(carol)).toBe(1)
  await sealReceipts(carol)

  await sendMessage(alice, { to: 'bob', text: 'to one who does not' })
  expect(await receive(bob)).toBe(1)
  await sealReceipts(with_(bob, { handoff: { delay: 'none', cover: false, receipts: false } }))
  for (const { vault } of [bob, carol]) expect(nextDueAtMs(vault)).toBeUndefined()
})

test('cover comes back to its sender, is deleted like any drop, and is neither a message nor a fault', async () => {
  sealCover(alice)
  expect((await deliverOutbox(alice)).sent).toHaveLength(1)
  await expect
    .poll(
      async () => {
        expect(await receiveDrops(alice)).toEqual({ stored: [], rejected: [] })
        return dueRemovals(alice.vault, Date.now() + 3_600_000).length
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(1)
  expect(await readInbox(alice)).toEqual({ messages: [], rejected: 0 })
  expect((await listOutbox(alice)).messages).toEqual([])
})

test('cover that was sent before a change of key, and after it, is neither a message nor a fault', async () => {
  const { vault, profile } = alice
  sealCover(alice)
  await deliverOutbox(alice)
  const { keyring } = replaceKey(alice.keyring.card, { identityKey: alice.keyring.signKey.secretKey }, { nowMs: Date.now() })
  writeKeyring(profile.directory, keyring)
  await alice.identity()
  const isTaken = async () => {
    await receiveDrops(alice, { waitS: 1 })
    return vault.get("SELECT 1 FROM inbox WHERE state IN ('matched', 'rejected')") !== undefined
  }
  await expect.poll(isTaken, { timeout: 60_000 }).toBe(true)
  sealCover(alice)
  await deliverOutbox(alice)
  const reasons = () => vault.all<{ reason: string }>('SELECT reason FROM inbox').map(({ reason }) => reason)
  await expect.poll(async () => (await isTaken()) && reasons(), { timeout: 60_000 }).toEqual(['cover', 'cover'])
})

test('what cannot be paid for or sealed anew keeps no other message waiting', async () => {
  using carol = openHandoffAgent(relay.origin, 'carol')
  introduce(alice, carol)
  const unpaid = new CliError('capacity_exceeded', 'the allowance is used up')
  const withoutParts = alice.restart({
    wrap: (client) => ({ ...client, put: async (upload) => (upload.record ? client.put(upload) : Promise.reject(unpaid)) }),
  })
  await expect(sendMessage(withoutParts, { to: 'carol', text: 'x'.repeat(20_000) })).rejects.toMatchObject({
    code: 'capacity_exceeded',
    hint: expect.stringContaining('outbox'),
  })
  await expect(sendMessage(withoutParts, { to: 'bob', text: 'short' })).resolves.toEqual({ messageId: expect.any(String) })

  // Nothing can be sealed to carol now, and the platform that could show her next prekey is away.
  endDropsOf(alice.vault, alice.keyring.signKey.publicKey)
  alice.vault.run("UPDATE contacts SET prekey = NULL WHERE agent_id = 'carol'")
  alice.vault.run('UPDATE ended_keys SET sign_key = randomblob(32)')
  alice.vault.run("UPDATE outbox SET sign_key = (SELECT sign_key FROM ended_keys) WHERE state = 'sealed'")
  const { messageId } = await sendMessage(withoutParts, { to: 'bob', text: 'shorter' })
  expect((await listOutbox(alice)).messages.map(({ to, state }) => `${to} ${state}`)).toEqual([
    'bob sent',
    'bob sent',
    'carol waiting',
  ])
  expect(messageId).toBeDefined()
})
