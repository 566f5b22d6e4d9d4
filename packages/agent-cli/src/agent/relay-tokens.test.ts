import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countTokens } from '../private/tokens.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { diagnose } from './diagnose.ts'
import { readInbox } from './read-inbox.ts'
import { getBlob, putBlob } from './relay-blob.ts'
import { sendFiles, sendMessage } from './send-message.ts'

let market: TestMarket
let alice: TestAgent
let bob: TestAgent
beforeAll(async () => {
  market = await startMarket(['--relay-tokens', 'on'])
  alice = await market.join('alice')
  bob = await market.join('bob')
})
afterAll(() => market[Symbol.asyncDispose]())

async function answerOf(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

test('the relay and the platform state the same keys, of this week and the next', async () => {
  const { origin } = await alice.relay()
  const keys = (await answerOf(`${origin}/relay/v1/keys`)) as { epochs: object[] }

  expect(keys.epochs).toHaveLength(2)
  expect(await answerOf(`${market.origin}/trpc/relayTokens.keys`)).toEqual({ result: { data: keys } })
})

test('messages and files are paid for with tokens, also after the platform was killed and came back', async () => {
  using home = makeTestHome()
  const file = join(home.path, 'notes.txt')
  await writeFile(file, 'a note')
  await sendMessage(alice, { to: 'bob', text: 'before' })
  await market.crash()
  await market.start()
  const { message } = countTokens(alice.vault, Date.now())
  await sendMessage(alice, { to: 'bob', text: 'after' })
  await sendFiles(alice, { to: 'bob', files: [file] })

  expect(countTokens(alice.vault, Date.now()).message).toBe(message - 2)
  const typsReceived = async () => (await readInbox(bob, {})).messages.map(({ typ }) => typ).sort()
  await expect.poll(typsReceived, { timeout: 60_000 }).toEqual(['handoff.files', 'message.text', 'message.text'])
})

test('bytes of another tool cost a token of who stores them, who has to be somebody', async () => {
  using home = makeTestHome()
  const options = { profile: alice.profile, server: market.origin, timeoutMs: 30_000 }
  const file = join(home.path, 'in')
  await writeFile(file, 'opaque')
  const before = countTokens(alice.vault, Date.now()).part
  const { readCap } = await putBlob(options, { file, ttl: '1h' })

  expect(countTokens(alice.vault, Date.now()).part).toBe(before - 1)
  await writeFile(join(home.path, 'cap'), readCap, { mode: 0o600 })
  expect(await getBlob(options, { readCap: `@${join(home.path, 'cap')}`, out: join(home.path, 'out') })).toMatchObject({
    bytes: 6,
  })
  const nobody = { ...options, profile: { name: 'nobody', directory: join(home.path, 'nobody') } }
  await expect(putBlob(nobody, { file, ttl: '1h' })).rejects.toMatchObject({ code: 'local_state' })
})

test('the doctor says that tokens are on and how many there are', async () => {
  const { checks } = await diagnose({ profile: alice.profile, server: market.origin, timeoutMs: 30_000 })
  const { message, part } = countTokens(alice.vault, Date.now())

  expect(checks.find(({ name }) => name === 'relay tokens')).toEqual({
    name: 'relay tokens',
    ok: true,
    detail: `on, in stock: ${message} for messages, ${part} for parts of files`,
  })
})
