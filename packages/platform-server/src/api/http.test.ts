import { UNAUTHENTICATED_PER_MINUTE } from '@agent-marketplace/protocol'
import { afterEach, expect, test } from 'vitest'
import { openSmallServer, type SmallServer } from '../../test/small-server.ts'

let server: SmallServer | undefined

async function open(options?: Parameters<typeof openSmallServer>[0]): Promise<SmallServer> {
  server = await openSmallServer(options)
  return server
}
afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

const NOON_MS = Date.UTC(2026, 0, 1, 12)

test('a query and a mutation travel as tRPC writes them, with the session and the idempotency key', async () => {
  const { origin } = await open()
  const headers = { authorization: 'bearer amk_ses_x', 'idempotency-key': 'k-1' }
  const input = encodeURIComponent(JSON.stringify({ text: 'a+b ü🙂' }))
  const read = await fetch(`${origin}/trpc/things.get?input=${input}`, { headers })
  const made = await fetch(`${origin}/trpc/things.make`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json; charset=UTF-8' },
    body: '{"text":"ü🙂"}',
  })

  expect(await read.json()).toEqual({ result: { data: { text: 'a+b ü🙂', token: 'amk_ses_x', key: 'k-1' } } })
  expect(await made.json()).toEqual({ result: { data: { text: 'ü🙂', token: 'amk_ses_x', key: 'k-1' } } })
  expect(Object.fromEntries(made.headers)).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
})

test('no input stands for an empty one', async () => {
  const { origin } = await open()

  expect(await (await fetch(`${origin}/trpc/things.get`)).json()).toEqual({ result: { data: {} } })
  expect(await (await fetch(`${origin}/trpc/things.make`, { method: 'POST' })).json()).toEqual({ result: { data: {} } })
})

test('a refusal says its code, when to come back and what to do', async () => {
  const { origin, logged } = await open()
  const answer = await fetch(`${origin}/trpc/things.refuse`)
  const requestId = answer.headers.get('x-request-id')

  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('2')
  expect(await answer.json()).toEqual({
    error: {
      message: 'come back later',
      code: -32603,
      data: { code: 'overloaded', message: 'come back later', requestId, retryAfterMs: 1500, hint: 'later' },
    },
  })
  expect(logged).toEqual([
    { level: 'debug', event: 'refused', fields: { requestId, code: 'overloaded', status: 503, procedure: 'things.refuse' } },
  ])
})

test.each(['things.break', 'things.lie'])(
  'a fault in %s is told as its request id and logged with its stack',
  async (procedure) => {
    const { origin, logged } = await open()
    const answer = await fetch(`${origin}/trpc/${procedure}?input=${encodeURIComponent('{"text":"private"}')}`)
    const requestId = answer.headers.get('x-request-id')

    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({
      error: { message: 'internal fault', code: -32603, data: { code: 'fault', message: 'internal fault', requestId } },
    })
    expect(logged).toEqual([
      {
        level: 'error',
        event: 'fault',
        fields: { requestId, code: 'fault', status: 500, procedure, stack: expect.stringContaining('\n    at ') },
      },
    ])
  },
)

test('calls without a session are counted by address, and so are calls that bring a session along which nobody asks for', async () => {
  const { origin } = await open({ rateLimits: 'on', now: () => NOON_MS })
  const call = (headers: Record<string, string> = {}) => fetch(`${origin}/trpc/things.get`, { headers })
  const first = await call()
  const others = await Promise.all(Array.from({ length: UNAUTHENTICATED_PER_MINUTE }, () => call()))
  const refused = others.filter(({ status }) => status !== 200)

  expect(first.headers.get('ratelimit')).toBe(`"anonymous";r=${UNAUTHENTICATED_PER_MINUTE - 1};t=1`)
  expect(refused).toHaveLength(1)
  expect(refused[0]?.headers.get('retry-after')).toBe('1')
  expect(refused[0]?.headers.get('ratelimit')).toBe('"anonymous";r=0;t=60')
  expect(await refused[0]?.json()).toMatchObject({ error: { data: { code: 'rate_limited', retryAfterMs: 200 } } })
  expect((await call({ authorization: 'Bearer amk_ses_x' })).status).toBe(429)
})

test('an address that guesses sessions is refused before they are looked up', async () => {
  const { origin, calls } = await open({ rateLimits: 'on', now: () => NOON_MS })
  const guess = (procedure: string) => fetch(`${origin}/trpc/things.${procedure}`, { headers: { authorization: 'Bearer guess' } })
  const first = await guess('reject')
  const statuses = [first.status]
  for (let count = 1; count < UNAUTHENTICATED_PER_MINUTE; count++) statuses.push((await guess('reject')).status)
  expect(first.headers.get('www-authenticate')).toBe('Bearer')

  expect(new Set(statuses)).toEqual(new Set([401]))
  expect(await (await guess('reject')).json()).toMatchObject({ error: { message: 'too many calls (rejected)' } })
  expect(await (await guess('get')).json()).toMatchObject({ error: { message: 'too many calls (rejected)' } })
  expect(calls).toHaveLength(UNAUTHENTICATED_PER_MINUTE)
})

test('the plain routes say that the process is up, whether storage answers, and what was answered', async () => {
  let nowMs = NOON_MS
  const { origin, closeStorage } = await open({ now: () => nowMs })
  await fetch(`${origin}/trpc/things.get`)
  await fetch(`${origin}/trpc/things.refuse`)
  await fetch(`${origin}/nowhere-at-all`)

  expect(await (await fetch(`${origin}/healthz`)).json()).toEqual({ status: 'up' })
  expect((await fetch(`${origin}/healthz`, { method: 'HEAD' })).status).toBe(200)
  expect(await (await fetch(`${origin}/readyz`)).json()).toEqual({ status: 'ready' })
  const metrics = await fetch(`${origin}/metrics`)
  const text = await metrics.text()
  expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/)
  expect(text).toContain('agent_marketplace_answers_total{procedure="things.get",code="ok"} 1')
  expect(text).toContain('agent_marketplace_answers_total{procedure="things.refuse",code="overloaded"} 1')
  expect(text).toContain('agent_marketplace_answers_total{procedure="none",code="not_found"} 1')
  expect(text).toMatch(/^agent_marketplace_answer_seconds_bucket\{le="0.5",procedure="things.get"\} [01]$/m)
  expect(text).toContain('agent_marketplace_answer_seconds_bucket{le="+Inf",procedure="things.get"} 1')
  expect(text).not.toContain('nowhere')

  await closeStorage()
  nowMs += 999
  expect((await fetch(`${origin}/readyz`)).status).toBe(200)
  nowMs += 1
  expect((await fetch(`${origin}/readyz`)).status).toBe(503)
  expect((await fetch(`${origin}/healthz`)).status).toBe(200)
})
