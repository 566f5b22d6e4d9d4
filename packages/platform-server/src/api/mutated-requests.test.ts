// Requests as clients send them, with bytes changed, lost, doubled and added: whatever comes of it is no fault, and nothing that hangs. LONG=1: many more.
import { IDEMPOTENCY_HEADER } from '@agent-marketplace/protocol'
import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { openTestPlatform, proveKey, type TestPlatform } from '../../test/platform.ts'
import { sendRaw } from '../../test/raw-http.ts'
import { listen } from '../listen.ts'
import type { LogFields } from '../log.ts'
import { appRouter } from './app-router.ts'
import { createControlServer } from './http.ts'

const LONG = process.env.LONG === '1'
const ROUNDS = LONG ? 1_000 : 6
const AT_ONCE = 50
const ANSWER_BYTES_MAX = 4_096
const TRIES_MAX = 5

interface Change {
  readonly kind: 'flip' | 'nudge' | 'lose' | 'double' | 'add' | 'cut'
  /** Where, in ten-thousandths of the request. */
  readonly at: number
  readonly length: number
  readonly bytes: Uint8Array
}

const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('flip', 'nudge', 'lose', 'double', 'add', 'cut'),
  at: fc.nat(9_999),
  length: fc.integer({ min: 1, max: 20 }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
})
const anyRound = fc.array(fc.record({ request: fc.nat(), changes: fc.array(anyChange, { minLength: 1, maxLength: 3 }) }), {
  minLength: AT_ONCE,
  maxLength: AT_ONCE,
  size: 'max',
})

function change(request: Buffer, { kind, at, length, bytes }: Change): Buffer {
  const from = Math.floor((at / 10_000) * request.length)
  const [before, touched, after] = [
    request.subarray(0, from),
    request.subarray(from, from + length),
    request.subarray(from + length),
  ]
  if (kind === 'cut') return Buffer.from(before)
  if (kind === 'lose') return Buffer.concat([before, after])
  if (kind === 'double') return Buffer.concat([before, touched, touched, after])
  if (kind === 'add') return Buffer.concat([before, bytes, touched, after])
  if (kind === 'nudge') return Buffer.concat([before, touched.subarray(0, 1).map((byte) => byte ^ 1), touched.subarray(1), after])
  return Buffer.concat([before, touched.map((byte, index) => byte ^ (bytes[index % bytes.length] ?? 0)), after])
}

/** Requests of an agent, as their bytes. */
async function record({ deps, agent }: TestPlatform): Promise<Buffer[]> {
  const { agentId, keys, token, api } = await agent('agent', {
    capabilities: [{ name: 'work', maxConcurrency: 1 }],
    credits: '5',
  })
  const { taskId } = await api.tasks.createTask({})
  const head = `Host: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n`
  const post = (name: string, input: object) => {
    const body = JSON.stringify(input)
    const type = `Content-Type: application/json\r\n${IDEMPOTENCY_HEADER}: key-${name.replace('.', '-')}\r\nContent-Length: ${body.length}\r\n`
    return Buffer.from(`POST /trpc/${name} HTTP/1.1\r\n${head}${type}\r\n${body}`)
  }
  const get = (name: string, input: object) =>
    Buffer.from(`GET /trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))} HTTP/1.1\r\n${head}\r\n`)
  return [
    post('tasks.createTask', { reviewRule: 'majority' }),
    post('tasks.assign', { taskId, kind: 'execute', capability: 'work', price: '1.5', maxAttempts: 2 }),
    post('settlement.deposit', { amount: '12.000001' }),
    post('identity.openSession', proveKey(keys, { agentId, audience: deps.config.origin, nowMs: deps.now() })),
    post('registry.declareCapabilities', { capabilities: [{ name: 'work', maxConcurrency: 2, price: '3' }] }),
    get('settlement.balance', {}),
    get('tasks.getTask', { taskId }),
    get('discovery.discover', { capability: 'work', limit: 5, maxPrice: '2' }),
  ]
}

/** Send a whole request until it arrives in time: the server is hasty, and this process may stand still before it has read. */
async function statusOf(port: number, request: Buffer): Promise<number> {
  for (let tries = 1; ; tries++) {
    const { status } = await sendRaw(port, [request])
    if (status !== 408 || tries === TRIES_MAX) return status
  }
}

test(`${ROUNDS * AT_ONCE} requests with bytes changed: no fault, a short answer or none, and the next requests are answered`, {
  timeout: LONG ? 3_600_000 : 120_000,
}, async () => {
  await using platform = await openTestPlatform()
  const faults: LogFields[] = []
  const log = { ...platform.deps.log, error: (_: string, fields: LogFields = {}) => void faults.push(fields) }
  const { server, drain } = createControlServer({
    router: appRouter,
    deps: { ...platform.deps, log },
    rateLimits: 'off',
    limits: { headersTimeoutMs: 600, requestTimeoutMs: 900, connectionsCheckMs: 50, keepAliveMs: 300 },
  })
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const requests = await record(platform)
  for (const request of requests) expect(await statusOf(port, request)).toBe(200)
  const seen = new Set<number>()

  await fc.assert(
    fc.asyncProperty(fc.noBias(anyRound), async (round) => {
      const sent = round.map(({ request, changes }) => changes.reduce(change, requests[request % requests.length] as Buffer))
      // A request of which nothing is left gets no answer.
      const answers = await Promise.all(sent.filter((bytes) => bytes.length > 0).map((bytes) => sendRaw(port, [bytes])))
      for (const { status, bytes } of answers) {
        if (bytes > 0) expect(status).toBeLessThan(500)
        if (status !== 200) expect(bytes).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
        seen.add(status)
      }
      expect(faults).toEqual([])
      // The proof of a key, which opens a session, is the one that serves once.
      for (const request of requests.filter((bytes) => !bytes.includes('openSession'))) {
        expect(await statusOf(port, request)).toBe(200)
      }
    }),
    { numRuns: ROUNDS, endOnFailure: true },
  )
  expect([...seen]).toEqual(expect.arrayContaining([400, 408]))
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  await drain()
})
