import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { UNAUTHENTICATED_PER_MINUTE } from '@agent-marketplace/protocol'
import { afterEach, expect, test } from 'vitest'
import { sendRaw } from '../../test/raw-http.ts'
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

const head = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    if (tries > 500) throw new Error('it did not become true in 5 s')
    await sleep(10)
  }
}

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

test('a body may come in any pieces', async () => {
  const { port } = await open()
  const start = 'POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n'
  const body = Buffer.from('{"text":"ü🙂"}')
  const bytes = [...body].map((byte) => Buffer.of(byte))
  const counted = await sendRaw(port, [`${start}Content-Length: ${body.length}\r\n\r\n`, ...bytes], 2)
  const chunked = await sendRaw(port, [
    `${start}Transfer-Encoding: chunked\r\n\r\n`,
    '9\r\n{"text":"\r\n',
    '3\r\nabc\r\n2\r\n"}\r\n0\r\n\r\n',
  ])
  const asked = await sendRaw(port, [`${start}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`, '{}'], 20)

  expect(Buffer.from(counted.body, 'latin1').toString()).toBe('{"result":{"data":{"text":"ü🙂"}}}')
  expect(chunked.body).toBe('{"result":{"data":{"text":"abc"}}}')
  expect(asked.text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
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

test('a connection outlives a refusal, and of two requests at once each gets its answer', async () => {
  const { port } = await open()
  const answer = await sendRaw(port, [
    `POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}${head('/trpc/things.get')}${head('/trpc/things.get', 'Connection: close\r\n')}`,
  ])

  expect(answer.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 415', 'HTTP/1.1 200', 'HTTP/1.1 200'])
})

test('what follows a request and is none gets no answer, and takes none away', async () => {
  const { port } = await open()
  const answer = await sendRaw(port, [`${head('/readyz')}nonsense\r\n\r\n`])

  expect(answer.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200'])
})

test('a caller that hangs up is not waited for', async () => {
  const { port, calls } = await open()
  const socket = connect(port, '127.0.0.1')
  socket.write(head('/trpc/things.wait'))
  await until(() => calls.includes('things.wait'))
  socket.destroy()

  await until(() => calls.includes('aborted'))
})

test.each([
  ['while a procedure works', head('/trpc/things.wait')],
  [
    'in the middle of a body',
    'POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  ],
  [
    'while it is told that its body is too large',
    'POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{',
  ],
  ['after it asked for a tunnel', 'CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['after it said what is not HTTP', 'nonsense\r\n\r\n'],
])('a caller that resets its connection %s harms nobody', async (_, text) => {
  const { origin, port } = await open()
  const sockets = Array.from({ length: 5 }, () =>
    connect(port, '127.0.0.1', function (this: Socket) {
      this.write(text)
    }),
  )
  await sleep(50)
  for (const socket of sockets) socket.resetAndDestroy()
  await sleep(50)

  expect((await fetch(`${origin}/healthz`)).status).toBe(200)
})

test('calls without a session are counted by address, and so are calls that bring a session along which nobody asks for', async () => {
  const { origin } = await open({ rateLimits: 'on', now: () => NOON_MS })
  const call = (headers: Record<string, string> = {}) => fetch(`${origin}/trpc/things.get`, { headers })
  const first = await call()
  const others = await Promise.all(Array.from({ length: UNAUTHENTICATED_PER_MINUTE }, () => call()))
  const refused = others.filter(({ status }) => status !== 200)

  expect(first.headers.get('ratelimit')).toBe(`"anonymous";r=${UNAUTHENTICATED_PER_MINUTE - 1};t=1`)
  expect(refused).toHaveLength(1)
  expect(refused[0]?.headers.get('retry-after')).toBe('1')
  expect(await refused[0]?.json()).toMatchObject({ error: { data: { code: 'rate_limited', retryAfterMs: 200 } } })
  expect((await call({ authorization: 'Bearer amk_ses_x' })).status).toBe(429)
})

test('an address that guesses sessions is refused before they are looked up', async () => {
  const { origin, calls } = await open({ rateLimits: 'on', now: () => NOON_MS })
  const guess = (procedure: string) => fetch(`${origin}/trpc/things.${procedure}`, { headers: { authorization: 'Bearer guess' } })
  const statuses: number[] = []
  for (let count = 0; count < UNAUTHENTICATED_PER_MINUTE; count++) statuses.push((await guess('reject')).status)

  expect(new Set(statuses)).toEqual(new Set([401]))
  expect(await (await guess('reject')).json()).toMatchObject({ error: { message: 'too many calls (rejected)' } })
  expect(await (await guess('get')).json()).toMatchObject({ error: { message: 'too many calls (rejected)' } })
  expect(calls).toHaveLength(UNAUTHENTICATED_PER_MINUTE)
})

test('the plain routes say that the process is up, whether storage answers, and what was answered', async () => {
  const { origin, closeStorage } = await open()
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
  expect(text).toContain('agent_marketplace_answer_seconds_bucket{le="0.5",procedure="things.get"} 1')
  expect(text).not.toContain('nowhere')

  await closeStorage()
  await sleep(1_000)
  expect((await fetch(`${origin}/readyz`)).status).toBe(503)
  expect((await fetch(`${origin}/healthz`)).status).toBe(200)
})

test('more connections than the cap are not accepted', async () => {
  const { port } = await open({ limits: { connectionsMax: 1 } })
  const first = connect(port, '127.0.0.1')
  await once(first, 'connect')
  const second = connect(port, '127.0.0.1')
  second.write(head('/healthz'))

  await once(second, 'close')
  first.write(head('/healthz'))
  const [data] = await once(first, 'data')
  expect(String(data)).toMatch(/^HTTP\/1.1 200/)
  first.destroy()
})

test('a server that stops answers what is under way and what is just arriving, then accepts nobody', async () => {
  const { control, port, calls } = await open()
  const polling = sendRaw(port, [head('/trpc/things.wait')])
  const slow = sendRaw(
    port,
    ['POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{', '}'],
    300,
  )
  const late = sendRaw(port, ['GET /readyz HTTP/1.1\r\n', 'Host: localhost\r\n\r\n'], 100)
  await until(() => calls.includes('things.wait'))
  await sleep(50)
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const cut = once(idle.resume(), 'close')
  const stopped = control.drain()

  expect(await polling).toMatchObject({ status: 200, body: '{"result":{"data":{"waited":true}}}' })
  expect(await late).toMatchObject({ status: 503, body: '{"status":"not ready"}' })
  const made = await slow
  expect(made).toMatchObject({ status: 200, body: '{"result":{"data":{}}}' })
  expect(made.headers.get('connection')).toBe('close')
  await stopped
  await cut
  await expect(sendRaw(port, [head('/healthz')])).rejects.toThrow('ECONNREFUSED')
})
