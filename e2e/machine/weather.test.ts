import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { Running } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'
import { Weather } from '../stage/weather.ts'

const LONG = process.env.LONG === '1'
const FLAPS = LONG ? 200 : 10
const STOPPED_MS = LONG ? 120_000 : 6_000
const AWAY_MS = LONG ? 180_000 : 3_000
const STORY_MS = LONG ? 900_000 : 240_000
/** While few agents are online: 5 s, times 1 to 1.5. */
const INTERVAL_MAX_MS = 7_500
/** Healthy again within an interval and this. */
const GRACE_MS = 5_000
/** What comes in heaps comes at once; the next beat is due after 5 s. */
const HEAP_MS = 3_000
const GROWTH_MAX_BYTES = 64 * 1024 * 1024
const BEAT = '/trpc/heartbeat.beat'
const SERVER = join(import.meta.dirname, '..', '..', 'bin', 'platform-server')

let stage: Stage
let weather: Weather
let server: Running
let daemon: Running
let ports: [control: number, relay: number]

beforeAll(async () => {
  stage = new Stage({ name: 'weather-' })
  weather = new Weather()
  await weather.open()
  ports = [await findFreePort(), await findFreePort()]
  server = await startServer()
  const agent = stage.agent('agent')
  agent.variables.AGENT_MARKETPLACE_SERVER = weather.origin
  await agent.json('register', '--agent-id', 'agent', '--capability', 'text.extract')
  daemon = agent.daemon()
  await daemon.line(({ event }) => event === 'started')
  await beatSince(0)
})

afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await server.stop()
  await weather[Symbol.asyncDispose]()
})

test('a platform that is away: the daemon stays, says so once, and is healthy soon after it is back', {
  timeout: STORY_MS,
}, async () => {
  const lines = daemon.lines.length
  await server.stop('SIGKILL')
  await sleep(AWAY_MS)
  server = await startServer()
  await expectHealthy()
  const told = daemon.lines.slice(lines).filter(({ event, loop }) => event === 'warning' && loop === 'presence')
  expect(told.length).toBeLessThanOrEqual(1)
})

test(`${FLAPS} times away and back: no burst of calls, no growing memory, healthy soon after the last`, {
  timeout: STORY_MS,
}, async () => {
  const before = residentBytes(daemon)
  const startMs = performance.now()
  for (let flap = 0; flap < FLAPS; flap++) {
    weather.down()
    await sleep(50 + 200 * Math.random())
    weather.up()
    await sleep(50 + 200 * Math.random())
  }
  // One try for each time that it was back, and the beats that were due.
  const beatsDue = Math.ceil((performance.now() - startMs) / 5_000)
  expect(weather.count(BEAT, startMs)).toBeLessThanOrEqual(FLAPS + beatsDue + 2)
  await expectHealthy()
  expect(residentBytes(daemon)).toBeLessThan(before + GROWTH_MAX_BYTES)
  expect(daemon.hasEnded).toBe(false)
})

test(`stopped for ${STOPPED_MS / 1000} s, as a laptop that sleeps: one beat to catch up, and healthy`, {
  timeout: STORY_MS,
}, async () => {
  daemon.child.kill('SIGSTOP')
  await sleep(STOPPED_MS)
  daemon.child.kill('SIGCONT')
  await expectHealthy()
})

/** The next beat comes within an interval and its grace; then they come at their pace, and nothing else comes in heaps. */
async function expectHealthy(): Promise<void> {
  const backMs = performance.now()
  const firstMs = await beatSince(backMs)
  expect(firstMs - backMs).toBeLessThan(INTERVAL_MAX_MS + GRACE_MS)
  await sleep(HEAP_MS)
  expect(weather.count(BEAT, firstMs, firstMs + HEAP_MS)).toBe(1)
  // A look at everything for each of its loops, and a page or two.
  expect(weather.count('/', backMs, firstMs + HEAP_MS)).toBeLessThan(40)
}

/** @returns when the next beat came through. */
async function beatSince(sinceMs: number): Promise<number> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const beat = weather.requests.find(({ path, atMs }) => atMs > sinceMs && path.startsWith(BEAT))
    if (beat) return beat.atMs
    if (performance.now() > deadline || daemon.hasEnded) throw new Error(`no beat came: ${daemon.stderr}`)
    await sleep(50)
  }
}

/** Always at the same two ports: a client keeps the address of its relay. */
async function startServer(): Promise<Running> {
  const [port, relayPort] = ports
  const flags = ['--listen', `127.0.0.1:${port}`, '--relay-listen', `127.0.0.1:${relayPort}`, '--origin', weather.origin]
  const running = new Running(SERVER, ['--data', join(stage.directory, 'data'), ...flags])
  await running.line(({ event }) => event === 'listening')
  weather.upstreamPort = port
  return running
}

function residentBytes({ child }: Running): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1024
}
