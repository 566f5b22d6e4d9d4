// What the transport does with beats: let in or turned away at their head, and held back without reading on.
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { BeatLine, type BeatLineLimits } from '../beat-line.ts'
import { appRouter } from './app-router.ts'
import { createControlServer } from './http.ts'

/** Ticks only when the test says so. */
const NEVER_MS = 2_000_000_000

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]()
})

async function open(limits: Partial<BeatLineLimits>, connectionsMax = 1_000) {
  const platform = await openTestPlatform()
  opened.push(platform)
  const agent = await platform.agent('alpha')
  const line = new BeatLine({ tickMs: NEVER_MS, inPerTick: 1, waitingMax: 0, ...limits })
  const deps = { ...platform.deps, beatLine: line }
  const { server, drain } = createControlServer({ router: appRouter, deps, rateLimits: 'off', limits: { connectionsMax } })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ [Symbol.asyncDispose]: drain })
  const { port } = server.address() as AddressInfo
  return { platform, agent, line, port, drain }
}

/** A connection, and what came over it so far. */
class Peer {
  readonly socket: Socket
  text = ''

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.text += text))
    this.socket.on('error', () => {})
    opened.push({ [Symbol.asyncDispose]: async () => void this.socket.destroy() })
  }

  get statuses(): string[] {
    return this.text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
  }
}

const headOf = (token: string) =>
  `POST /trpc/heartbeat.beat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n`
const beatOf = ({ token }: TestAgent) => `${headOf(token)}{}`

async function until(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { timeout: 15_000, interval: 5 }).toBe(true)
}

test('a beat that is turned away is told so at its head: neither its session nor its body is looked at, and its connection goes on', async () => {
  const { agent, line, port } = await open({ inPerTick: 0 })
  const peer = new Peer(port)
  peer.socket.write(headOf('amk_ses_nobody'))
  await until(() => line.heldCount === 1)
  expect(peer.text).toBe('')
  line.tick()
  await until(() => peer.statuses.length === 1)

  expect(peer.text).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/)
  expect(peer.text).toMatch(/\r\nretry-after: [5-8]\r\n/i)
  expect(peer.text).toMatch(/"code":"overloaded".*"retryAfterMs":\d{4}\b/)
  peer.socket.write(`{}${headOf(agent.token)}{}`)
  await until(() => line.heldCount === 1)
  line.tick()
  await until(() => peer.statuses.length === 2)
  expect(peer.text).not.toMatch(/connection: close/i)
})

test('while an answer is held back nothing more is read from its connection', async () => {
  const { agent, line, port } = await open({ inPerTick: 0 })
  const [impatient, other] = [new Peer(port), new Peer(port)]
  impatient.socket.write(beatOf(agent))
  await until(() => line.heldCount === 1)
  impatient.socket.write(beatOf(agent).repeat(50))
  // Whoever is served after those bytes have arrived shows that they were not taken for beats.
  for (let turn = 1; turn <= 20; turn++) {
    other.socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => other.statuses.length === turn)
  }

  expect(line.heldCount).toBe(1)
  line.tick()
  await until(() => impatient.statuses.length === 1 && line.heldCount > 0)
})

test('a beat that waits is let in with its turn', async () => {
  const { agent, line, port } = await open({ waitingMax: 10 })
  const peers = Array.from({ length: 3 }, () => new Peer(port))
  const answered = () => peers.flatMap(({ statuses }) => statuses)
  for (const { socket } of peers) socket.write(beatOf(agent))
  await until(() => answered().length === 1)

  line.tick()
  await until(() => answered().length === 2)
  line.tick()
  await until(() => answered().length === 3)
  expect(answered()).toEqual(['200', '200', '200'])
})

test('where half of all connections are held back, a further beat is answered at once and its connection is closed', async () => {
  const { agent, line, port } = await open({ inPerTick: 0 }, 4)
  const held = [new Peer(port), new Peer(port)]
  for (const { socket } of held) socket.write(beatOf(agent))
  await until(() => line.heldCount === 2)
  const third = new Peer(port)
  third.socket.write(beatOf(agent))
  await once(third.socket, 'close')

  expect(third.statuses).toEqual(['503'])
  expect(third.text).toMatch(/\r\nconnection: close\r\n/i)
  expect(held.map(({ text }) => text)).toEqual(['', ''])
})

test('a beat that fails gives its place back', async () => {
  const { agent, line, port } = await open({ inPerTick: 1_000, underWayMax: 2 })
  const peer = new Peer(port)
  for (let turn = 1; turn <= 5; turn++) {
    peer.socket.write(`${headOf('amk_ses_nobody')}{}`)
    await until(() => peer.statuses.length === turn)
    line.tick()
  }
  peer.socket.write(beatOf(agent))
  await until(() => peer.statuses.length === 6)

  expect(peer.statuses).toEqual(['401', '401', '401', '401', '401', '200'])
})

test('a server that stops answers who is held back at once', async () => {
  const { agent, line, port, drain } = await open({ inPerTick: 0 })
  const peers = Array.from({ length: 5 }, () => new Peer(port))
  for (const { socket } of peers) socket.write(beatOf(agent))
  await until(() => line.heldCount === 5)
  const startedAtMs = performance.now()
  await drain()

  expect(performance.now() - startedAtMs).toBeLessThan(8_000)
  expect(peers.map(({ statuses }) => statuses)).toEqual(Array.from({ length: 5 }, () => ['503']))
  for (const { text } of peers) expect(text).toMatch(/"code":"shutting_down".*"retryAfterMs":1000\b/)
})
