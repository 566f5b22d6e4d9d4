import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { RELAY_FORBIDDEN_HEADERS, RELAY_PATHS, toBase64url } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from './test-digest.ts'
import { makeDrop, put, read } from './test-drop.ts'
import { call, startTestRelay, type TestRelay } from './test-relay.ts'

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
  await put(relay.origin, makeDrop())
})
afterAll(() => relay[Symbol.asyncDispose]())

/** Run a request that must be refused: the stated code, a small answer that repeats nothing, and nothing changed. */
async function expectRefusal(send: () => Promise<{ status: number; body: Buffer }>, status: number, code: string): Promise<void> {
  const before = await digestOf(relay)
  const answer = await send()
  expect(answer.status).toBe(status)
  expect(answer.body.toString()).toBe(JSON.stringify({ code }))
  expect(await digestOf(relay)).toBe(before)
  expect(relay.faults).toEqual([])
}

/** Send bytes as they are on a connection of its own. @returns everything that came back until the relay hung up or `ms` passed. */
async function sendRaw(text: string | Uint8Array, ms = 1_000): Promise<{ status: number; body: Buffer; text: string }> {
  const socket = connect(relay.port, '127.0.0.1')
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(text)
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, ms))])
  socket.destroy()
  const answer = Buffer.concat(chunks).toString('latin1')
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), body: Buffer.from(body), text: answer }
}

const good = makeDrop()
const upload = (headers: Record<string, string | string[]>, body: Uint8Array = good.body, slotId = good.slotId) =>
  call(relay.origin, 'PUT', RELAY_PATHS.slot + slotId, { headers, body })

describe('an upload is refused', () => {
  test.each<[string, number, string, () => ReturnType<typeof call>]>([
    ['one byte too long', 400, 'invalid_input', () => upload(good.headers, randomBytes(16_385))],
    ['one byte too short', 400, 'invalid_input', () => upload(good.headers, randomBytes(16_383))],
    ['empty', 400, 'invalid_input', () => upload(good.headers, new Uint8Array(0))],
    ['longer than the largest class', 413, 'too_large', () => upload(good.headers, new Uint8Array(4_194_305))],
    ['without a delete hash', 400, 'invalid_input', () => upload({ 'relay-ttl': '1h' })],
    [
      'with a short delete hash',
      400,
      'invalid_input',
      () => upload({ ...good.headers, 'relay-delete-hash': toBase64url(randomBytes(31)) }),
    ],
    [
      'with two delete hashes',
      400,
      'invalid_input',
      () => upload({ ...good.headers, 'relay-delete-hash': [good.readCap, good.deleteCap] }),
    ],
    [
      'with a padded delete hash',
      400,
      'invalid_input',
      () => upload({ ...good.headers, 'relay-delete-hash': `${good.readCap}=` }),
    ],
    [
      'with a delete hash in hexadecimal',
      400,
      'invalid_input',
      () => upload({ ...good.headers, 'relay-delete-hash': randomBytes(32).toString('hex') }),
    ],
    ['without a time to live', 400, 'invalid_input', () => upload({ 'relay-delete-hash': good.readCap })],
    ['with a time to live of 2h', 400, 'invalid_input', () => upload({ ...good.headers, 'relay-ttl': '2h' })],
    ['with a time to live of 1H', 400, 'invalid_input', () => upload({ ...good.headers, 'relay-ttl': '1H' })],
    ['with a time to live of __proto__', 400, 'invalid_input', () => upload({ ...good.headers, 'relay-ttl': '__proto__' })],
    [
      'with a record of 39 bytes',
      400,
      'invalid_input',
      () => upload({ ...good.headers, 'relay-record': toBase64url(randomBytes(39)) }),
    ],
    ['with an empty record', 400, 'invalid_input', () => upload({ ...good.headers, 'relay-record': '' })],
    ['to a slot id of 15 bytes', 400, 'invalid_input', () => upload(good.headers, good.body, toBase64url(randomBytes(15)))],
    ['to a slot id with spare bits', 400, 'invalid_input', () => upload(good.headers, good.body, `${'A'.repeat(21)}B`)],
    ['to a percent-encoded slot id', 400, 'invalid_input', () => upload(good.headers, good.body, `%41${good.slotId.slice(1)}`)],
    ['to a path above the slots', 400, 'invalid_input', () => upload(good.headers, good.body, '../slots/x')],
    ['with parameters', 400, 'invalid_input', () => upload(good.headers, good.body, `${good.slotId}?a=1`)],
    ['compressed', 415, 'unsupported_media_type', () => upload({ ...good.headers, 'content-encoding': 'gzip' })],
  ])('%s', async (_, status, code, send) => {
    await expectRefusal(send, status, code)
    expect((await read(relay.origin, good)).status).toBe(404)
  })

  test.each(RELAY_FORBIDDEN_HEADERS)('with the header %s, like every other call', async (name) => {
    const headers = { [name]: 'x' }
    await expectRefusal(() => upload({ ...good.headers, ...headers }), 400, 'invalid_input')
    await expectRefusal(() => call(relay.origin, 'GET', `${RELAY_PATHS.feed}?after=0`, { headers }), 400, 'invalid_input')
    await expectRefusal(() => call(relay.origin, 'GET', RELAY_PATHS.keys, { headers }), 400, 'invalid_input')
    for (const path of [RELAY_PATHS.read, RELAY_PATHS.delete]) {
      const caps = { 'relay-read-cap': good.readCap, 'relay-delete-cap': good.deleteCap }
      await expectRefusal(() => call(relay.origin, 'POST', path, { headers: { ...caps, ...headers } }), 400, 'invalid_input')
    }
  })

  test.each([1, 100, 16_383])('when the connection ends after %d bytes of the body', async (bytes) => {
    const before = await digestOf(relay)
    const drop = makeDrop()
    const socket = connect(relay.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(headOf(drop, 16_384))
    socket.write(drop.body.subarray(0, bytes))
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.resetAndDestroy()
    await expect.poll(() => readdir(join(relay.directory, 'blobs', 'tmp'))).toEqual([])
    expect(await digestOf(relay)).toBe(before)
    expect(relay.faults).toEqual([])
  })

  test('before its body is read when the head says enough', async () => {
    const { status, text } = await sendRaw(headOf(makeDrop(), 4_194_305), 500)
    expect(status).toBe(413)
    expect(text).toContain('{"code":"too_large"}')
  })
})

function headOf(drop: ReturnType<typeof makeDrop>, bytes: number): string {
  const headers = Object.entries(drop.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `PUT ${RELAY_PATHS.slot}${drop.slotId} HTTP/1.1\r\nhost: relay\r\ncontent-length: ${bytes}\r\n${headers.join('')}\r\n`
}

describe('a call is refused', () => {
  const feedOf = (query: string) => () => call(relay.origin, 'GET', `${RELAY_PATHS.feed}${query}`)
  const post = (path: string, headers: Record<string, string>, body?: Uint8Array) => () =>
    call(relay.origin, 'POST', path, { headers, ...(body && { body }) })

  test.each<[string, number, string, () => ReturnType<typeof call>]>([
    ['the feed without a position', 400, 'invalid_input', feedOf('')],
    ['the feed after -1', 400, 'invalid_input', feedOf('?after=-1')],
    ['the feed after 01', 400, 'invalid_input', feedOf('?after=01')],
    ['the feed after 1e3', 400, 'invalid_input', feedOf('?after=1e3')],
    ['the feed after a full-width digit', 400, 'invalid_input', feedOf('?after=%EF%BC%91')],
    ['the feed after 2^63', 400, 'invalid_input', feedOf('?after=9223372036854775808')],
    ['the feed after two positions', 400, 'invalid_input', feedOf('?after=0&after=1')],
    ['the feed with a wait of 61 seconds', 400, 'invalid_input', feedOf('?after=0&wait=61')],
    ['the feed with an empty wait', 400, 'invalid_input', feedOf('?after=0&wait=')],
    ['the feed with a foreign parameter', 400, 'invalid_input', feedOf('?after=0&agentId=bob')],
    ['the feed with a second question mark', 400, 'invalid_input', feedOf('?after=0?wait=1')],
    ['reading without a cap', 400, 'invalid_input', post(RELAY_PATHS.read, {})],
    ['reading with a cap of 16 bytes', 400, 'invalid_input', post(RELAY_PATHS.read, { 'relay-read-cap': good.slotId })],
    ['reading with a body', 400, 'invalid_input', post(RELAY_PATHS.read, { 'relay-read-cap': good.readCap }, Buffer.from('x'))],
    ['deleting without the second cap', 400, 'invalid_input', post(RELAY_PATHS.delete, { 'relay-read-cap': good.readCap })],
    ['the keys with parameters', 400, 'invalid_input', () => call(relay.origin, 'GET', `${RELAY_PATHS.keys}?a=1`)],
    ['an unknown path', 404, 'not_found', () => call(relay.origin, 'GET', '/')],
    ['the folder of the slots', 404, 'not_found', () => call(relay.origin, 'GET', '/relay/v1/slots/')],
    ['a path of the control plane', 404, 'not_found', () => call(relay.origin, 'POST', '/trpc/identity.openSession')],
    ['__proto__', 404, 'not_found', () => call(relay.origin, 'GET', '/__proto__')],
    ['getting a slot', 405, 'method_not_allowed', () => call(relay.origin, 'GET', RELAY_PATHS.slot + good.slotId)],
    ['putting the feed', 405, 'method_not_allowed', () => call(relay.origin, 'PUT', RELAY_PATHS.feed)],
    ['tracing', 405, 'method_not_allowed', () => call(relay.origin, 'TRACE', RELAY_PATHS.keys)],
    ['reading with GET', 405, 'method_not_allowed', () => call(relay.origin, 'GET', RELAY_PATHS.read)],
  ])('%s', (_, status, code, send) => expectRefusal(send, status, code))
})

describe('what is hardly HTTP', () => {
  const line = `PUT ${RELAY_PATHS.slot}${good.slotId} HTTP/1.1\r\nhost: relay\r\n`

  test.each<[string, string, number, string]>([
    [
      'a header of 20 kB',
      `GET ${RELAY_PATHS.keys} HTTP/1.1\r\nhost: relay\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'invalid_input'],
    [
      'a length and a transfer encoding',
      `${line}content-length: 16384\r\ntransfer-encoding: chunked\r\n\r\n`,
      400,
      'invalid_input',
    ],
    ['two lengths', `${line}content-length: 16384\r\ncontent-length: 16384\r\n\r\n`, 400, 'invalid_input'],
    ['a negative length', `${line}content-length: -1\r\n\r\n`, 400, 'invalid_input'],
    [
      'a chunked body',
      `${line}transfer-encoding: chunked\r\nrelay-ttl: 1h\r\nrelay-delete-hash: ${good.readCap}\r\n\r\n0\r\n\r\n`,
      400,
      'invalid_input',
    ],
    ['a NUL in a header', `GET ${RELAY_PATHS.keys} HTTP/1.1\r\nhost: relay\r\nx: a\0b\r\n\r\n`, 400, 'invalid_input'],
  ])('%s is refused in the same form', async (_, text, status, code) => {
    await expectRefusal(() => sendRaw(text), status, code)
  })

  test('a body longer than its length is an upload and something else after it', async () => {
    const drop = makeDrop()
    const { text } = await sendRaw(Buffer.concat([Buffer.from(headOf(drop, 16_384)), drop.body, randomBytes(100)]))
    expect(text).toContain('400')
    expect(relay.faults).toEqual([])
  })

  test('the connection is cut when a refused client goes on sending', async () => {
    const socket = connect(relay.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(headOf(makeDrop(), 1_000_000_000))
    const drip = setInterval(() => socket.write('x'), 50)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(drip)
  })
})

test('equal answers are equal bytes: no dates and no ids', async () => {
  const [one, other] = [await read(relay.origin, makeDrop()), await read(relay.origin, makeDrop())]
  expect(one.headers.map((text) => text.toLowerCase())).not.toContain('date')
  expect(one).toEqual(other)
})

test('a client that hangs up while it waits for the feed or for its bytes leaves nothing behind', async () => {
  const drop = makeDrop({ bytes: 4_194_304 })
  await put(relay.origin, drop)
  for (const text of [
    `GET ${RELAY_PATHS.feed}?after=1000000&wait=60 HTTP/1.1\r\nhost: relay\r\n\r\n`,
    `POST ${RELAY_PATHS.read} HTTP/1.1\r\nhost: relay\r\nrelay-read-cap: ${drop.readCap}\r\n\r\n`,
  ]) {
    await sendRaw(text, 30)
  }
  await relay.plane.close()
  expect(relay.faults).toEqual([])
})
