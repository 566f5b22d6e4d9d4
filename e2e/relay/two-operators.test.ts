import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RELAY_TOKEN_EPOCH_MS, relayTokenEpochAt } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { Running } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'

const SERVER = join(import.meta.dirname, '..', '..', 'bin', 'platform-server')
const MINUTE_MS = 60_000
/** Long enough that random bytes do not spell them. */
const [ALICE, BOB] = ['alice-who-sends', 'bob-who-receives']

test('a relay of another operator needs the public keys of tokens and nothing else, also from week to week', {
  timeout: 180_000,
}, async () => {
  await using stage = new Stage()
  const clock = stage.file('clock', '0')
  const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts'))
  const env = { CLOCK_AHEAD_FILE: clock, NODE_OPTIONS: `--import=${preload}` }
  const setTo = (atMs: number) => writeFileSync(clock, String(Math.round(atMs - Date.now())))
  const now = () => Date.now() + Number(readFileSync(clock, 'utf8'))
  const weekEnds = (relayTokenEpochAt(Date.now()) + 1) * RELAY_TOKEN_EPOCH_MS
  setTo(weekEnds - 20 * MINUTE_MS)

  const [port, relayPort] = [await findFreePort(), await findFreePort()]
  const [origin, relayOrigin] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${relayPort}`]
  const marketData = join(stage.directory, 'market')
  const relayData = join(stage.directory, 'elsewhere')
  const start = async (...args: string[]) => {
    const server = new Running(SERVER, args, { env })
    await server.line((line) => line.event === 'listening')
    return server
  }
  const startMarket = () =>
    start(
      ...['--plane', 'control', '--data', marketData, '--listen', `127.0.0.1:${port}`],
      ...['--relay-origin', relayOrigin, '--relay-tokens', 'on'],
    )
  const startRelay = () =>
    start(
      ...['--plane', 'relay', '--data', relayData, '--relay-listen', `127.0.0.1:${relayPort}`],
      ...['--relay-token-keys', `${origin}/trpc/relayTokens.keys`],
    )
  const [market, relay] = [await startMarket(), await startRelay()]
  const epochsOfRelay = async () => {
    const { epochs } = (await (await fetch(`${relayOrigin}/relay/v1/keys`)).json()) as { epochs: { epoch: number }[] }
    return epochs.map(({ epoch }) => epoch)
  }
  /** Let minutes pass until the relay has taken up the keys of a week. */
  const untilKeysOf = async (epoch: number) => {
    for (let tries = 0; tries < 120 && !(await epochsOfRelay()).includes(epoch); tries++) {
      setTo(now() + MINUTE_MS)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    expect(await epochsOfRelay()).toContain(epoch)
  }

  try {
    const [alice, bob] = [ALICE, BOB].map((name) => {
      const agent = stage.agent(name)
      Object.assign(agent.variables, env, { AGENT_MARKETPLACE_SERVER: origin })
      return agent
    }) as [StagedAgent, StagedAgent]
    for (const [agent, name] of [
      [alice, ALICE],
      [bob, BOB],
    ] as const)
      await agent.json('register', '--agent-id', name)
    const say = async (text: string) => {
      await bob.json('inbox')
      await alice.json('message', 'send', '--to', BOB, '--text', text)
      const { messages } = await bob.json('inbox', '--wait', '30', '--limit', '1')
      return messages[0].summary as string
    }

    const week = relayTokenEpochAt(now())
    expect(await epochsOfRelay()).toEqual([week, week + 1])
    expect(await say('in the old week')).toContain('in the old week')

    setTo(weekEnds + MINUTE_MS)
    await untilKeysOf(week + 2)
    expect(await say('in the new week')).toContain('in the new week')

    // The relay starts again while the issuer is away, and serves whoever has tokens in stock.
    await relay.stop()
    await market.stop()
    const again = await startRelay()
    try {
      expect(await epochsOfRelay()).toEqual([week + 1, week + 2])
    } finally {
      await again.stop()
    }

    const [ofMarket, ofRelay] = [bytesUnder(marketData), bytesUnder(relayData)]
    expect(ofMarket.includes(ALICE)).toBe(true)
    for (const name of [ALICE, BOB]) expect(ofRelay.includes(name)).toBe(false)
    expect(readdirSync(relayData).sort()).toEqual(['relay', 'relay-token-keys.json'])
    expect(readdirSync(marketData)).not.toContain('relay')
  } finally {
    await Promise.all([relay.stop(), market.stop()])
  }
})

function bytesUnder(directory: string): Buffer {
  const paths = readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)))
  return Buffer.concat(paths.map((path) => (statSync(path).isFile() ? readFileSync(path) : Buffer.from(path))))
}
