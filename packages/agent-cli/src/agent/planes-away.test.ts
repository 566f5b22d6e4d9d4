import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFact, writeFact } from '../private/facts.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { openAgent } from './agent.ts'
import { showAgent } from './directory.ts'
import { listOutbox } from './list-outbox.ts'
import { readInbox } from './read-inbox.ts'
import { sendMessage } from './send-message.ts'

/** Where nothing listens. */
const NOWHERE = 'http://127.0.0.1:1'
const SLOW = { timeout: 40_000 }

let market: TestMarket
let alice: TestAgent
let bob: TestAgent
beforeAll(async () => {
  market = await startMarket()
  ;[alice, bob] = [await market.join('alice'), await market.join('bob')]
  await showAgent(alice, 'bob')
  await sendMessage(bob, { to: 'alice', text: 'here before' })
  expect(await readInbox(alice, { waitS: 30 })).toMatchObject({ messages: [{ summary: 'here before' }] })
}, 60_000)
afterAll(() => market[Symbol.asyncDispose]())

const optionsOf = ({ profile, server }: TestAgent) => ({ profile, server, timeoutMs: 300 })

test('while the relay is away, what is on this machine is listed and said not to be all; who waits for something new is told that it cannot come', async () => {
  const cut = openAgent({ ...optionsOf(alice), relay: NOWHERE })

  const relayAway = expect.stringContaining('cannot be reached')
  expect(await readInbox(cut)).toMatchObject({ messages: [{ summary: 'here before' }], relayAway })
  await expect(sendMessage(cut, { to: 'bob', text: 'waits here' })).rejects.toMatchObject({ code: 'unreachable' })
  expect(await listOutbox(cut, { isWaiting: true })).toMatchObject({ messages: [{ to: 'bob', state: 'waiting' }], relayAway })
  await expect(readInbox(cut, { waitS: 1 })).rejects.toMatchObject({ code: 'unreachable' })
})

test('while the platform is away, messages come by the relay that it named before', SLOW, async () => {
  const relay = readFact(bob.vault, `relay of ${market.origin}`)
  await sendMessage(alice, { to: 'bob', text: 'past the platform' })
  const cut = openAgent({ ...optionsOf(bob), server: NOWHERE })
  await expect(readInbox(cut, { waitS: 1 })).rejects.toMatchObject({ code: 'unreachable' })

  writeFact(cut.vault, `relay of ${NOWHERE}`, relay ?? '')
  const { messages } = await readInbox(cut, { waitS: 20 })
  expect(messages.map(({ summary }) => summary)).toContain('past the platform')
})
