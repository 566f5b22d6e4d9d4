import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
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

const head = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

async function until(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { timeout: 20_000, interval: 5 }).toBe(true)
}

/** Send a beginning, and wait until the server has read it. @returns what came back until the server hung up, once the rest is sent. */
async function begin({ control, port }: SmallServer, start: string): Promise<(rest: string) => Promise<string>> {
  const accepted = once(control.server, 'connection') as Promise<[Socket]>
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let text = ''
  socket.on('data', (chunk: string) => (text += chunk))
  const closed = once(socket, 'close')
  socket.write(start)
  const [peer] = await accepted
  await until(() => peer.bytesRead === start.length)
  return async (rest) => {
    socket.write(rest)
    await closed
    return text
  }
}

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

test('more connections than the cap are not accepted', async () => {
  const { port } = await open({ limits: { connectionsMax: 1 } })
  const first = connect(port, '127.0.0.1')
  await once(first, 'connect')
  const second = connect(port, '127.0.0.1').on('error', () => {})
  second.write(head('/healthz'))

  await new Promise((resolve) => second.once('close', resolve))
  first.write(head('/healthz'))
  const [data] = await once(first, 'data')
  expect(String(data)).toMatch(/^HTTP\/1.1 200/)
  first.destroy()
})

test('a server that stops answers what is under way and what is just arriving, then accepts nobody', async () => {
  const opened = await open()
  const { control, port, calls } = opened
  const polling = sendRaw(port, [head('/trpc/things.wait')])
  await until(() => calls.includes('things.wait'))
  const slow = await begin(
    opened,
    'POST /trpc/things.make HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{',
  )
  const late = await begin(opened, 'GET /readyz HTTP/1.1\r\n')
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const cut = once(idle.resume(), 'close')
  const stopped = control.drain()
  const [made, unready] = await Promise.all([slow('}'), late('Host: localhost\r\n\r\n')])

  expect(await polling).toMatchObject({ status: 200, body: '{"result":{"data":{"waited":true}}}' })
  expect(unready).toMatch(/^HTTP\/1.1 503 .*\{"status":"not ready"\}$/s)
  expect(made).toMatch(/^HTTP\/1.1 200 OK\r\n.*connection: close\r\n.*\{"result":\{"data":\{\}\}\}$/is)
  await stopped
  await cut
  await expect(sendRaw(port, [head('/healthz')])).rejects.toThrow('ECONNREFUSED')
})
