import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { openTestIssuer, type TestIssuer } from '../../../platform-server/test/issuer.ts'
import { countTokens, keepToken } from '../private/tokens.ts'
import { createRelayClient, type RelayClient } from '../relay/relay-client.ts'
import { startCapture } from '../relay/test-servers.ts'
import { makeUpload } from '../relay/test-upload.ts'
import { openTestAgent } from '../test-agent.ts'
import { startTestPlatform, type TestPlatform, TestRefusal } from '../test-platform.ts'
import type { Agent } from './agent.ts'
import { putSlot } from './spend-token.ts'
import { findTokenKey } from './token-keys.ts'

let issuer: TestIssuer
let relay: TestRelay
let capture: Awaited<ReturnType<typeof startCapture>>
let client: RelayClient
let platform: TestPlatform
let opened: ReturnType<typeof openTestAgent>
let agent: Agent
beforeEach(async () => {
  issuer = await openTestIssuer()
  relay = await startTestRelay({ tokens: issuer.verifier })
  capture = await startCapture(relay.origin)
  client = createRelayClient({ origin: capture.origin, timeoutMs: 30_000 })
  platform = await startTestPlatform({ 'relayTokens.issue': issuer.issue })
  opened = openTestAgent(platform)
  agent = opened.agent
})
afterEach(async () => {
  await client.close()
  await capture[Symbol.asyncDispose]()
  await relay[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
  opened[Symbol.dispose]()
})

const part = () => makeUpload(16_384, null as unknown as undefined).upload
const draws = () => platform.names().filter((name) => name === 'relayTokens.issue').length
const headerOf = (headers: readonly string[], name: string) =>
  headers[headers.findIndex((each) => each.toLowerCase() === name) + 1]
/** Tokens that the relay was shown, in order. */
const shown = () =>
  capture.captured.filter(({ method }) => method === 'PUT').map(({ headers }) => headerOf(headers, 'relay-token'))
const spent = () => relay.db.read((reader) => reader.all('SELECT * FROM spent_tokens'))
const stock = () => countTokens(agent.vault, Date.now())

describe('filling a slot', () => {
  test('costs a token of class message for a drop and of class part for all else; the first of each is drawn', async () => {
    await putSlot(agent, client, makeUpload().upload)
    await putSlot(agent, client, makeUpload().upload)
    const { message } = stock()
    await putSlot(agent, client, part())
    await putSlot(agent, client, makeUpload(65_536).upload)

    expect(draws()).toBe(2)
    expect(stock()).toEqual({ message, part: message })
    expect(await spent()).toHaveLength(4)
    expect(new Set(shown()).size).toBe(4)
  })

  test('beside others draws once for all of them', async () => {
    await Promise.all(Array.from({ length: 5 }, () => putSlot(agent, client, makeUpload().upload)))

    expect(draws()).toBe(1)
    expect(await spent()).toHaveLength(5)
  })

  test('again, after a failure, shows the same token; another slot is never shown it', async () => {
    const { upload } = makeUpload()
    const lost: RelayClient = {
      ...client,
      async put(upload) {
        await client.put(upload)
        throw Object.assign(new Error('the answer was lost'))
      },
    }
    await expect(putSlot(agent, lost, upload)).rejects.toThrow('lost')
    await putSlot(agent, client, makeUpload().upload)
    await putSlot(agent, client, upload)

    const [first, other, again] = shown()
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    expect(await spent()).toHaveLength(2)
  })

  test('drops tokens that are spent or bad, and pays with the next', async () => {
    const key = (await findTokenKey(client, 'message', Date.now()))!
    for (let bad = 0; bad < 5; bad++) keepToken(agent.vault, key, new Uint8Array(324).fill(bad), new Uint8Array(256))
    await putSlot(agent, client, makeUpload().upload)

    expect(shown()).toHaveLength(6)
    expect(await spent()).toHaveLength(1)
    expect(draws()).toBe(1)
  })

  test('takes up the keys that a relay has come to state', async () => {
    const other = await openTestIssuer()
    await putSlot(agent, client, makeUpload().upload)
    issuer.verifier.learn(other.keys)
    await using next = await startTestPlatform({ 'relayTokens.issue': other.issue })
    using again = openTestAgent(next)
    await putSlot({ ...agent, vault: agent.vault, platform: again.agent.platform }, client, makeUpload().upload)

    expect(shown()).toHaveLength(3)
    expect(await spent()).toHaveLength(2)
  })

  test('at a relay that has come to take tokens is paid for', async () => {
    let isFirst = true
    const changed: RelayClient = {
      ...client,
      async keys() {
        const keys = isFirst ? { epochs: [] } : await client.keys()
        isFirst = false
        return keys
      },
    }
    await putSlot(agent, changed, makeUpload().upload)

    expect(shown()).toHaveLength(2)
    expect(await spent()).toHaveLength(1)
  })

  test('at a relay that takes tokens and states no keys fails after one more try', async () => {
    const mute: RelayClient = { ...client, keys: async () => ({ epochs: [] }) }
    await expect(putSlot(agent, mute, makeUpload().upload)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(shown()).toHaveLength(2)
  })

  test('fails when no token is to be had, and says why', async () => {
    await using poor = await startTestPlatform({
      'relayTokens.issue': () => {
        throw new TestRefusal('capacity_exceeded')
      },
    })
    using other = openTestAgent(poor)
    await expect(putSlot(other.agent, client, makeUpload().upload)).rejects.toMatchObject({ code: 'capacity_exceeded', exit: 5 })
    expect(shown()).toEqual([])
  })

  test('costs nothing where the relay takes no tokens, and the platform is not asked', async () => {
    await using open = await startTestRelay()
    const free = createRelayClient({ origin: open.origin })
    await putSlot(agent, free, makeUpload().upload)
    await putSlot(agent, free, part())
    await free.close()

    expect(platform.names()).toEqual([])
  })
})

/** Every piece of 6 bytes of some bytes. */
function pieces(all: readonly Uint8Array[]): Set<string> {
  const found = new Set<string>()
  for (const each of all) {
    const hex = Buffer.from(each).toString('hex')
    for (let at = 0; at + 12 <= hex.length; at += 2) found.add(hex.slice(at, at + 12))
  }
  return found
}

test('of what the platform saw when it signed, nothing of 6 bytes appears at the relay', async () => {
  for (let each = 0; each < 3; each++) {
    await putSlot(agent, client, makeUpload().upload)
    await putSlot(agent, client, part())
  }
  const read = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? '', 'base64url'))
  const issued = platform.asked.filter(({ name }) => name === 'relayTokens.issue')
  const signed = issued.flatMap(({ input }) => (input as { blinded: string[] }).blinded)
  const signatures = issuer.given.flatMap((each) => each.signatures)
  const texts = issued.flatMap(({ token, key }) => [token, key, agent.agentId]).map((text) => Buffer.from(text ?? ''))
  const atPlatform = pieces([...signed.map(read), ...signatures.map(read), ...texts])

  const rows = (await spent()).map((row) => row.spent_hash as Uint8Array)
  const headers = capture.captured.flatMap((each) => [each.path, ...each.headers])
  const atRelay = pieces([...shown().map(read), ...rows, ...headers.map((text) => Buffer.from(text))])

  expect(signed.length).toBeGreaterThan(10)
  expect(shown().map((token) => read(token).length)).toEqual(Array(6).fill(324))
  expect([...atRelay].filter((piece) => atPlatform.has(piece))).toEqual([])
  // The search finds what is there: a blinded message in a token would be seen.
  expect([...pieces([read(signed[0]).subarray(100, 110)])].some((piece) => atPlatform.has(piece))).toBe(true)
})

test('the keys are asked of the relay, and nothing is said to it but that', async () => {
  await putSlot(agent, client, makeUpload().upload)
  const [keys] = capture.captured
  expect([keys?.method, keys?.path, keys?.headers.filter((_, index) => index % 2 === 0)]).toEqual([
    'GET',
    '/relay/v1/keys',
    ['host', 'connection'],
  ])
})
