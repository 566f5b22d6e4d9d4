import type { IncomingMessage } from 'node:http'
import { IDEMPOTENCY_HEADER, IdempotencyKey, TRPC_PATH } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import { bodyFollows, decodeUtf8, readBody } from './read-body.ts'
import { parseStrictJson } from './strict-json.ts'

/** Headers that must not occur twice: of two, proxies and servers may each believe another. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'content-encoding',
  'host',
  IDEMPOTENCY_HEADER,
])
/** Begins the text of a query's one parameter. */
const INPUT = 'input='
const JSON_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?$/i
const BEARER = /^Bearer ([\x21-\x7e]{1,256})$/i

/** What a request target names: a path, and the text behind the first `?`. */
export interface Target {
  readonly path: string
  readonly search: string | undefined
}

export function readTarget(request: IncomingMessage): Target {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  return mark < 0 ? { path: url, search: undefined } : { path: url.slice(0, mark), search: url.slice(mark + 1) }
}

/** @returns the procedure a path names, spelled exactly; `undefined` for any other path. */
export function readProcedure(path: string): string | undefined {
  return path.startsWith(`${TRPC_PATH}/`) ? path.slice(TRPC_PATH.length + 1) : undefined
}

/** @throws Refusal `invalid_input` when the headers can be read in two ways. */
export function refuseAmbiguousHeaders({ rawHeaders, headers, httpVersion }: IncomingMessage): void {
  if (headers.host === undefined && httpVersion === '1.1') throw new Refusal('invalid_input', 'the header host is missing')
  // Node keeps one entry a name: as many as there were lines, and no name came twice.
  if (Object.keys(headers).length * 2 === rawHeaders.length) return
  const seen = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen.has(name)) throw new Refusal('invalid_input', `the header ${name} occurs twice`)
    seen.add(name)
  }
}

/** @returns the session token of the request, unverified; `undefined` for another kind of authorization, as for none. */
export function readToken({ headers }: IncomingMessage): string | undefined {
  return BEARER.exec(headers.authorization ?? '')?.[1]
}

/** @throws Refusal `invalid_input` for a key that is not one. */
export function readIdempotencyKey({ headers }: IncomingMessage): string | undefined {
  const text = headers[IDEMPOTENCY_HEADER]
  if (text === undefined) return undefined
  const { data } = IdempotencyKey.safeParse(text)
  if (data === undefined) throw new Refusal('invalid_input', 'the idempotency key is not 1 to 64 of A-Z a-z 0-9 _ -')
  return data
}

/**
 * The input of a query: `?input=<JSON>`; without it, `{}`.
 *
 * @throws Refusal `invalid_input` for any other parameter: there are no batches.
 */
export function readQueryInput(request: IncomingMessage, search: string | undefined): unknown {
  if (bodyFollows(request)) throw new Refusal('invalid_input', 'a query has no body')
  if (!search) return {}
  if (!search.startsWith(INPUT) || search.includes('&'))
    throw new Refusal('invalid_input', 'a query has one parameter, input, and no batches')
  return parseStrictJson(decodePercent(search.slice(INPUT.length)))
}

/**
 * The input of a mutation: its JSON body; without one, `{}`.
 *
 * @throws Refusal `unsupported_media_type`, `too_large`, `invalid_input`.
 */
export async function readMutationInput(request: IncomingMessage, search: string | undefined): Promise<unknown> {
  if (search !== undefined) throw new Refusal('invalid_input', 'a mutation has no parameters in its address, and no batches')
  const { headers } = request
  if (headers['content-encoding'] !== undefined) throw new Refusal('unsupported_media_type', 'a body is not compressed')
  if (!bodyFollows(request)) return {}
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw new Refusal('unsupported_media_type', 'a body is application/json')
  return parseStrictJson(decodeUtf8(await readBody(request)))
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new Refusal('invalid_input', 'the input is not percent-encoded UTF-8')
  }
}
