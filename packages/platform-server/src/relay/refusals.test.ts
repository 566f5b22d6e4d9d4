import { randomBytes } from 'node:crypto'
import { RELAY_FORBIDDEN_HEADERS, RELAY_PATHS, toBase64url } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectRefusal } from './test-digest.ts'
import { makeDrop, put, read } from './test-drop.ts'
import { call, startTestRelay, type TestRelay } from './test-relay.ts'

let relay: TestRelay
beforeAll(async () => {
  relay = await startTestRelay()
  await put(relay.origin, makeDrop())
})
afterAll(() => relay[Symbol.asyncDispose]())

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
    await expectRefusal(relay, send, status, code)
    expect((await read(relay.origin, good)).status).toBe(404)
  })

  test.each(RELAY_FORBIDDEN_HEADERS)('with the header %s, like every other call', async (name) => {
    const headers = { [name]: 'x' }
    await expectRefusal(relay, () => upload({ ...good.headers, ...headers }), 400, 'invalid_input')
    await expectRefusal(relay, () => call(relay.origin, 'GET', `${RELAY_PATHS.feed}?after=0`, { headers }), 400, 'invalid_input')
    await expectRefusal(relay, () => call(relay.origin, 'GET', RELAY_PATHS.keys, { headers }), 400, 'invalid_input')
    for (const path of [RELAY_PATHS.read, RELAY_PATHS.delete]) {
      const caps = { 'relay-read-cap': good.readCap, 'relay-delete-cap': good.deleteCap }
      await expectRefusal(
        relay,
        () => call(relay.origin, 'POST', path, { headers: { ...caps, ...headers } }),
        400,
        'invalid_input',
      )
    }
  })
})

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
  ])('%s', (_, status, code, send) => expectRefusal(relay, send, status, code))
})
