import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { BODY_BYTES_MAX, type ErrorCode, statusOf, WireError } from '@agent-marketplace/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RawAnswer, sendRaw } from '../../test/raw-http.ts'
import { openSmallServer, type SmallServer } from '../../test/small-server.ts'

/** Stands in everything that is sent, and must not come back. */
const MARK = `mark${randomBytes(6).toString('hex')}`
const ANSWER_BYTES_MAX = 4_096

let server: SmallServer
/** Waits for nobody. The other one gives the time of a server that is at work: this process may stand still between a request and its reading. */
let hasty: SmallServer

beforeAll(async () => {
  server = await openSmallServer()
  hasty = await openSmallServer({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 600, connectionsCheckMs: 50 } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await hasty[Symbol.asyncDispose]()
})

type Part = string | Uint8Array
type Row = readonly [name: string, parts: readonly Part[], code: ErrorCode]

const HOST = 'Host: localhost\r\n'
const CLOSE = 'Connection: close\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'

function get(target: string, headers = ''): Part[] {
  return [`GET ${target} HTTP/1.1\r\n${HOST}${CLOSE}${headers}\r\n`]
}

function post(body: Part, headers = JSON_TYPE, target = '/trpc/things.make'): Part[] {
  return [`POST ${target} HTTP/1.1\r\n${HOST}${CLOSE}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`, body]
}

function bare(method: string, target = '/trpc/things.make', headers = ''): Part[] {
  return [`${method} ${target} HTTP/1.1\r\n${HOST}${CLOSE}${headers}\r\n`]
}

const chunked = (...chunks: string[]) => chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
const chunkedHead = `POST /trpc/things.make HTTP/1.1\r\n${HOST}${CLOSE}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`
const json = (value: unknown) => JSON.stringify(value)
const query = (input: string) => `/trpc/things.get?input=${encodeURIComponent(input)}`
const nest = (depth: number): object => (depth === 0 ? {} : { next: nest(depth - 1) })
const big = json({ text: MARK.padEnd(BODY_BYTES_MAX, '.') })

const rows: Row[] = [
  // Where the request goes.
  ['another path', get(`/${MARK}`), 'not_found'],
  ['no procedure', get('/trpc/'), 'not_found'],
  ['an unknown procedure', get(`/trpc/things.${MARK}`), 'not_found'],
  ['a procedure in another case', get('/trpc/things.GET'), 'not_found'],
  ['a procedure with a slash', get('/trpc/things/get'), 'not_found'],
  ['an encoded procedure', get('/trpc/things%2eget'), 'not_found'],
  ['a path that climbs', get(`/trpc/../${MARK}`), 'not_found'],
  ['a router without its procedure', get('/trpc/things'), 'not_found'],
  ['__proto__ as a procedure', get('/trpc/__proto__'), 'not_found'],
  ['constructor as a procedure', get('/trpc/constructor'), 'not_found'],
  ['two procedures in one call', get('/trpc/things.get,things.get'), 'not_found'],
  ['a whole address as the target', get('http://localhost/trpc/things.get'), 'not_found'],
  ['GET of a mutation', get('/trpc/things.make'), 'method_not_allowed'],
  ['POST of a query', post('{}', JSON_TYPE, '/trpc/things.get'), 'method_not_allowed'],
  [
    'POST of a query with an override',
    post('{}', `${JSON_TYPE}X-HTTP-Method-Override: GET\r\n`, '/trpc/things.get'),
    'method_not_allowed',
  ],
  ['TRACE', bare('TRACE'), 'method_not_allowed'],
  ['OPTIONS', bare('OPTIONS', '*'), 'not_found'],
  ['OPTIONS of a mutation', bare('OPTIONS'), 'method_not_allowed'],
  ['DELETE', bare('DELETE'), 'method_not_allowed'],
  ['CONNECT', bare('CONNECT', `${MARK}:443`), 'method_not_allowed'],
  ['POST to a plain route', bare('POST', '/healthz'), 'method_not_allowed'],

  // Queries.
  ['a batch of queries', get('/trpc/things.get?batch=1&input=%7B%7D'), 'invalid_input'],
  ['a batch behind the input', get('/trpc/things.get?input=%7B%7D&batch=1'), 'invalid_input'],
  ['two inputs', get('/trpc/things.get?input=%7B%7D&input=%7B%7D'), 'invalid_input'],
  ['another parameter', get(`/trpc/things.get?${MARK}=1`), 'invalid_input'],
  ['an empty input', get('/trpc/things.get?input='), 'invalid_input'],
  ['a broken escape', get(`/trpc/things.get?input=${MARK}%2`), 'invalid_input'],
  ['escaped bytes that are not UTF-8', get(`/trpc/things.get?input=%22%ff${MARK}%22`), 'invalid_input'],
  ['an escaped surrogate', get('/trpc/things.get?input=%22%ed%a0%80%22'), 'invalid_input'],
  [
    'a query with a body',
    [`GET /trpc/things.get HTTP/1.1\r\n${HOST}${CLOSE}Content-Length: ${MARK.length}\r\n\r\n${MARK}`],
    'invalid_input',
  ],
  ['an unknown field in a query', get(query(json({ [MARK]: 1 }))), 'invalid_input'],
  ['a wrong value in a query', get(query(json({ count: MARK }))), 'invalid_input'],

  // JSON bodies.
  ['a batch of mutations', post('{"0":{}}', JSON_TYPE, '/trpc/things.make?batch=1'), 'invalid_input'],
  ['an unknown field', post(json({ prompt: MARK })), 'invalid_input'],
  ['a field that says too much', post(json({ [MARK]: MARK })), 'invalid_input'],
  ['__proto__ as a field', post(`{"__proto__":{"text":"${MARK}"}}`), 'invalid_input'],
  ['a string that is too long', post(json({ text: MARK.repeat(2) })), 'invalid_input'],
  ['a number for a string', post(json({ text: 5 })), 'invalid_input'],
  ['a number beyond all numbers', post('{"count":1e400}'), 'invalid_input'],
  ['a number beyond exactness', post('{"count":9007199254740993}'), 'invalid_input'],
  ['NaN', post('{"count":NaN}'), 'invalid_input'],
  ['an array', post(json([MARK])), 'invalid_input'],
  ['null', post('null'), 'invalid_input'],
  ['a string', post(json(MARK)), 'invalid_input'],
  ['10 000 items', post(json(Array.from({ length: 10_000 }, () => 1))), 'invalid_input'],
  ['half a document', post(`{"text":"${MARK}`), 'invalid_input'],
  ['trailing bytes', post(`{"text":"x"}${MARK}`), 'invalid_input'],
  ['a byte order mark', post('\ufeff{}'), 'invalid_input'],
  ['a repeated key', post(`{"text":"x","text":"${MARK}"}`), 'invalid_input'],
  ['a repeated key in another spelling', post('{"text":"x","\\u0074ext":"y"}'), 'invalid_input'],
  ['a lone surrogate', post('{"text":"\\ud800"}'), 'invalid_input'],
  ['bytes that are not UTF-8', post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'invalid_input'],
  ['an overlong encoding', post(Buffer.from([0x22, 0xc0, 0xaf, 0x22])), 'invalid_input'],
  ['UTF-16', post(Buffer.from('{}', 'utf16le')), 'invalid_input'],
  ['a depth of 33', post(json({ deep: nest(32) })), 'invalid_input'],
  ['30 000 brackets', post('['.repeat(30_000)), 'invalid_input'],
  ['a body that is too large', post(big), 'too_large'],
  [
    'a body that says it is too large',
    [`POST /trpc/things.make HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 99999999\r\n\r\n`],
    'too_large',
  ],
  ['a chunked body that is too large', [chunkedHead, ...chunked(big.slice(0, 30_000), big.slice(30_000))], 'too_large'],
  ['an endless body', [chunkedHead, ...chunked(...Array.from({ length: 200 }, () => '['.repeat(10_000)))], 'too_large'],

  // Headers.
  ['text/plain', post('{}', 'Content-Type: text/plain\r\n'), 'unsupported_media_type'],
  ['a form', post(`text=${MARK}`, 'Content-Type: application/x-www-form-urlencoded\r\n'), 'unsupported_media_type'],
  ['no content type', post('{}', ''), 'unsupported_media_type'],
  ['another charset', post('{}', 'Content-Type: application/json; charset=latin1\r\n'), 'unsupported_media_type'],
  ['a gzip body', post(gzipSync('{}'), `${JSON_TYPE}Content-Encoding: gzip\r\n`), 'unsupported_media_type'],
  [
    'two authorizations',
    get('/trpc/things.get', `Authorization: Bearer ${MARK}\r\nauthorization: Bearer b\r\n`),
    'invalid_input',
  ],
  ['two idempotency keys', post('{}', `${JSON_TYPE}Idempotency-Key: a\r\nIdempotency-Key: a\r\n`), 'invalid_input'],
  ['two content types', post('{}', `${JSON_TYPE}${JSON_TYPE}`), 'invalid_input'],
  ['an idempotency key that is none', post('{}', `${JSON_TYPE}Idempotency-Key: ${MARK}/\r\n`), 'invalid_input'],
  ['an empty idempotency key', post('{}', `${JSON_TYPE}Idempotency-Key:\r\n`), 'invalid_input'],
  ['an idempotency key that is too long', post('{}', `${JSON_TYPE}Idempotency-Key: ${MARK.repeat(9)}\r\n`), 'invalid_input'],
  ['no host', [`GET /trpc/things.get HTTP/1.1\r\n${CLOSE}\r\n`], 'invalid_input'],
  ['two hosts', get('/trpc/things.get', HOST), 'invalid_input'],
  ['20 kB of headers', get('/trpc/things.get', `X-Long: ${MARK.padEnd(20_000, 'x')}\r\n`), 'headers_too_large'],
  ['20 kB of address', get(`/trpc/things.get?input=${MARK.padEnd(20_000, 'x')}`), 'headers_too_large'],

  // Not quite HTTP.
  ['a length and chunks', post('{}', `${JSON_TYPE}Transfer-Encoding: chunked\r\n`), 'invalid_input'],
  ['two lengths', post('{}', `${JSON_TYPE}Content-Length: 5\r\n`), 'invalid_input'],
  ['a negative length', [`POST /trpc/things.make HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: -1\r\n\r\n{}`], 'invalid_input'],
  [
    'a length that is no number',
    [`POST /trpc/things.make HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 0x2\r\n\r\n{}`],
    'invalid_input',
  ],
  ['a broken chunk', [chunkedHead, `zz\r\n${MARK}\r\n`], 'invalid_input'],
  ['a folded header', get('/trpc/things.get', `X-A: 1\r\n ${MARK}\r\n`), 'invalid_input'],
  ['a NUL in a header', get('/trpc/things.get', `X-A: \u0000${MARK}\r\n`), 'invalid_input'],
  ['a space before the colon', get('/trpc/things.get', `X-A : ${MARK}\r\n`), 'invalid_input'],
  ['an unknown method', bare(MARK.toUpperCase()), 'invalid_input'],
  ['another protocol', [`\u0016\u0003\u0001${MARK}\r\n\r\n`], 'invalid_input'],
  ['HTTP/2 without asking', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 'invalid_input'],
  ['headers that never end', [`GET /trpc/things.get HTTP/1.1\r\nX-A: ${MARK}`], 'request_timeout'],
  [
    'a body that never ends',
    [`POST /trpc/things.make HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 50\r\n\r\n{"text"`],
    'request_timeout',
  ],
]

function checkRefusal(answer: RawAnswer, code: ErrorCode): void {
  expect(answer.status).toBe(statusOf(code))
  expect(answer.bytes).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
  expect(answer.text).not.toContain(MARK)
  expect(answer.text).not.toMatch(/node:|node_modules|\.ts\b|SELECT|Unexpected token/)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  const { error } = JSON.parse(answer.body)
  expect(WireError.parse(error.data)).toMatchObject({ code, requestId: answer.headers.get('x-request-id') })
}

test.each(rows)('%s is refused', async (_, parts, code) => {
  const { port, calls } = code === 'request_timeout' ? hasty : server
  checkRefusal(await sendRaw(port, parts), code)

  expect(calls).toEqual([])
})

test('after all of it the server still answers, and logged no fault and nothing that was sent', async () => {
  for (const { origin, logged } of [server, hasty]) {
    const answer = await fetch(`${origin}/trpc/things.get?input=${encodeURIComponent('{"text":"hello"}')}`)

    expect(await answer.json()).toEqual({ result: { data: { text: 'hello' } } })
    expect(logged.filter(({ level }) => level === 'error')).toEqual([])
    expect(JSON.stringify(logged)).not.toContain(MARK)
  }
})
