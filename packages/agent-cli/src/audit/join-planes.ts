import type { SentRequest } from './read-requests.ts'
import { type Mark, searchText } from './search-marks.ts'

/** Shorter values are the same by chance. */
export const JOINABLE_BYTES_MIN = 6
const BASE64URL = /^[A-Za-z0-9_-]+$/

/** Values every client sends to any server: they say nothing about who sends them. */
const COMMON = new Set(['keep-alive', 'application/json', 'close', 'upload', 'chunked'])

/**
 * Every value of at least six bytes that requests carry: segments of paths, values of queries and headers, strings of JSON bodies; what is base64url also
 * as the bytes it stands for. Names of procedures, headers and fields are the protocol's and no values.
 */
export function valuesOf(requests: readonly SentRequest[]): Mark[] {
  const values = new Set(requests.flatMap((request) => [...textsOf(request)]))
  return [...values]
    .filter((text) => Buffer.byteLength(text) >= JOINABLE_BYTES_MIN && !COMMON.has(text))
    .flatMap((text) => {
      const decoded = BASE64URL.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0)
      const isBytes = decoded.length >= 16 && decoded.toString('base64url') === text
      return [{ from: text, text }, ...(isBytes ? [{ from: text, bytes: decoded }] : [])]
    })
}

/** Values of one plane that were also sent on the other. */
export function findJoins(one: readonly SentRequest[], other: readonly SentRequest[]): Mark[] {
  const sent = Buffer.concat(
    other.flatMap(({ method, path, headers, body }) => [
      Buffer.from(`${method} ${path}\n${headers.map(([name, value]) => `${name}: ${value}\n`).join('')}\n`),
      body,
      Buffer.from('\n'),
    ]),
  )
  return searchText(sent, valuesOf(one), 'the other plane').map(({ mark }) => mark)
}

function* textsOf({ path, headers, body }: SentRequest): Generator<string> {
  const url = new URL(path, 'http://plane')
  yield* url.pathname.split('/').slice(4)
  for (const value of url.searchParams.values()) yield* stringsOf(parse(value) ?? value)
  for (const [name, value] of headers)
    if (name !== 'host' && name !== 'content-length') yield* value.replace(/^Bearer /, '').split(/, */)
  yield* stringsOf(parse(body.toString('utf8')))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) yield* stringsOf(each)
}
