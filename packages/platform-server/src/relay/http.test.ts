import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { RELAY_PATHS } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, expectRefusal } from './test-digest.ts'
import { makeDrop, put, read } from './test-drop.ts'
import { headOf, sendRaw } from './test-raw.ts'
import { startTestRelay, type TestRelay } from './test-relay.ts'

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
  await put(relay.origin, makeDrop())
})
afterAll(() => relay[Symbol.asyncDispose]())

const good = makeDrop()

describe('an upload is refused', () => {
  test.each([1, 100, 16_383])('when the connection ends after %d bytes of the body', async (bytes) => {
    const before = await digestOf(relay)
    const drop = makeDrop()
    const socket = connect(relay.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(headOf(drop, 16_384))
    socket.write(drop.body.subarray(0, bytes))
    const underWay = () => readdir(join(relay.directory, 'blobs', 'tmp'))
    await expect.poll(underWay, { timeout: 15_000 }).toHaveLength(1)
    socket.resetAndDestroy()
    await expect.poll(underWay, { timeout: 15_000 }).toEqual([])
    expect(await digestOf(relay)).toBe(before)
    expect(relay.faults).toEqual([])
  })

  test('before its body is read when the head says enough', async () => {
    const { status, text } = await sendRaw(relay, headOf(makeDrop(), 4_194_305))
    expect(status).toBe(413)
    expect(text).toContain('{"code":"too_large"}')
  })
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
    await expectRefusal(relay, () => sendRaw(relay, text), status, code)
  })

  test('a body longer than its length is an upload, whole or not at all, and something else after it that is refused', async () => {
    const drop = makeDrop()
    const { text } = await sendRaw(relay, Buffer.concat([Buffer.from(headOf(drop, 16_384)), drop.body, randomBytes(100)]))
    expect(text.match(/HTTP\/1.1 \d+/g)?.at(-1)).toBe('HTTP/1.1 400')
    await expect.poll(() => readdir(join(relay.directory, 'blobs', 'tmp')), { timeout: 15_000 }).toEqual([])
    const { status, body } = await read(relay.origin, drop)
    expect(status === 404 || body.equals(drop.body)).toBe(true)
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
    await sendRaw(relay, text, 30)
  }
  await relay.plane.close()
  expect(relay.faults).toEqual([])
})
