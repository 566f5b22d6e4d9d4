import { RELAY_TOKEN_EPOCH_MS, relayTokenEpochAt } from '@agent-marketplace/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { openTestIssuer, type TestIssuer } from '../../../platform-server/test/issuer.ts'
import { readFact } from '../private/facts.ts'
import { countTokens } from '../private/tokens.ts'
import { createRelayClient, type RelayClient } from '../relay/relay-client.ts'
import { openTestAgent } from '../test-agent.ts'
import { startTestPlatform, type TestPlatform, TestRefusal } from '../test-platform.ts'
import type { Agent } from './agent.ts'
import { DRAWN_A_DAY, drawAhead } from './draw-ahead.ts'

const DAY_MS = 86_400_000

let nowMs: number
let issuer: TestIssuer
let relay: TestRelay
let client: RelayClient
let platform: TestPlatform
let opened: ReturnType<typeof openTestAgent>
let agent: Agent
beforeEach(async () => {
  // The third day of a week.
  nowMs = (relayTokenEpochAt(Date.now()) * 7 + 2) * DAY_MS
  issuer = await openTestIssuer(() => nowMs)
  relay = await startTestRelay({ tokens: issuer.verifier })
  client = createRelayClient({ origin: relay.origin })
  platform = await startTestPlatform({ 'relayTokens.issue': issuer.issue })
  opened = openTestAgent(platform)
  agent = agentOn(client)
})
afterEach(async () => {
  await client.close()
  await relay[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
  opened[Symbol.dispose]()
})

const agentOn = (relay: RelayClient): Agent => ({
  ...opened.agent,
  vault: opened.agent.vault,
  relay: async () => relay,
  now: () => nowMs,
})
const stock = () => countTokens(agent.vault, nowMs)
const drawsAsked = () =>
  platform.asked
    .filter(({ name }) => name === 'relayTokens.issue')
    .map(({ input }) => input as { epoch: number; class: string; blinded: string[] })

test('a day begins with a plan and no draw; each class is drawn at a moment of its own, once, and then planned for tomorrow', async () => {
  const startMs = nowMs
  const plannedFor = (name: string) => readFact(agent.vault, `tokens.due ${name} ${agent.server}`)
  let firstDueMs = await drawAhead(agent)
  // By chance, once in a hundred million times, the moments are the same.
  while (plannedFor('message') === plannedFor('part')) {
    agent.vault.run(`DELETE FROM facts WHERE name LIKE 'tokens.due %'`)
    firstDueMs = await drawAhead(agent)
  }
  expect(firstDueMs).toBeGreaterThanOrEqual(startMs)
  expect(firstDueMs).toBeLessThan(startMs + DAY_MS)
  expect(drawsAsked()).toEqual([])

  nowMs = firstDueMs
  const secondDueMs = await drawAhead(agent)
  expect(drawsAsked()).toHaveLength(1)
  nowMs = secondDueMs
  const thirdDueMs = await drawAhead(agent)

  expect(
    drawsAsked()
      .map((input) => input.class)
      .sort(),
  ).toEqual(['message', 'part'])
  expect(drawsAsked().map((input) => input.blinded.length)).toEqual([DRAWN_A_DAY, DRAWN_A_DAY])
  expect(stock()).toEqual({ message: DRAWN_A_DAY, part: DRAWN_A_DAY })
  const tomorrowMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
  expect(thirdDueMs).toBeGreaterThanOrEqual(tomorrowMs)
  expect(thirdDueMs).toBeLessThan(tomorrowMs + DAY_MS)
  await drawAhead(agent)
  expect(drawsAsked()).toHaveLength(2)
})

test('on the last day of a week the tokens of the next are drawn', async () => {
  const epoch = relayTokenEpochAt(nowMs)
  nowMs = (epoch + 1) * RELAY_TOKEN_EPOCH_MS - DAY_MS
  await drawAhead(agent)
  nowMs += DAY_MS - 1
  await drawAhead(agent)

  expect(drawsAsked().map((input) => input.epoch)).toEqual([epoch + 1, epoch + 1])
})

test('moments are random', async () => {
  const moments = new Set<string | undefined>()
  for (let each = 0; each < 10; each++) {
    agent.vault.run(`DELETE FROM facts WHERE name LIKE 'tokens.due %'`)
    await drawAhead(agent)
    moments.add(readFact(agent.vault, `tokens.due message ${agent.server}`))
    moments.add(readFact(agent.vault, `tokens.due part ${agent.server}`))
  }
  // Two of them may fall together once in half a million times.
  expect(moments.size).toBeGreaterThan(15)
})

test('a moment that a wrong clock planned far away is planned again', async () => {
  nowMs += 365 * DAY_MS
  await drawAhead(agent)
  nowMs -= 365 * DAY_MS
  expect(await drawAhead(agent)).toBeLessThan(nowMs + DAY_MS)
})

test('where the relay takes no tokens, or none are left, nothing is drawn today and it is no failure', async () => {
  await using open = await startTestRelay()
  const free = createRelayClient({ origin: open.origin })
  await drawAhead(agentOn(free))
  nowMs += DAY_MS
  expect(await drawAhead(agentOn(free))).toBeGreaterThan(nowMs)
  expect(drawsAsked()).toEqual([])
  await free.close()

  await using poor = await startTestPlatform({
    'relayTokens.issue': () => {
      throw new TestRefusal('capacity_exceeded')
    },
  })
  using other = openTestAgent(poor)
  const spent: Agent = { ...other.agent, vault: other.agent.vault, relay: async () => client, now: () => nowMs }
  await drawAhead(spent)
  nowMs += DAY_MS
  expect(await drawAhead(spent)).toBeGreaterThan(nowMs)
  expect(countTokens(spent.vault, nowMs)).toEqual({ message: 0, part: 0 })
})
