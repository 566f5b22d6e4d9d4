import { isErrorCode, releaseBytes, statusOf } from '@agent-marketplace/protocol'
import { type Dispatcher, errors } from 'undici'
import { CliError } from '../agent/cli-error.ts'

/** An error answer of the relay is a few bytes; this is more than any. */
const ERROR_BYTES_MAX = 1_024

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  /** All headers beside Host, Connection and Content-Length. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Longest answer that is read. */
  readonly bytesMax: number
  /** Where the answer is written, if it is long enough; memory of its own otherwise. */
  readonly room?: Uint8Array | undefined
  /** Time for the whole exchange, in milliseconds. */
  readonly maxMs: number
  /** How long the relay may say nothing, in milliseconds: before its answer, and in the middle of it. */
  readonly silentMaxMs: number
  /** How long it was asked to wait before it answers, in milliseconds. */
  readonly waitMs?: number
  readonly signal?: AbortSignal | undefined
  /** Keep the connection for the next exchange. Calls about slots do not, so that no two slots share one. */
  readonly keepsConnection?: boolean
}

/**
 * One request to the relay and its answer.
 *
 * @returns the body of a 200 or 204; `undefined` for the relay's own `not_found`.
 * @throws CliError with the relay's code; `unreachable` if no whole answer came, `bad_answer` if it is not one of a relay, `interrupted`.
 */
export async function exchange(dispatcher: Dispatcher, origin: string, request: Exchange): Promise<Uint8Array | undefined> {
  const { method, path, headers = {}, body = null, bytesMax, room, signal, keepsConnection = false } = request
  const { maxMs, silentMaxMs, waitMs = 0 } = request
  const limit = AbortSignal.timeout(maxMs)
  try {
    const answer = await dispatcher.request({
      origin,
      path,
      method,
      headers,
      body,
      reset: !keepsConnection,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      // A body on its way up is no silence, but undici takes it for one.
      headersTimeout: body ? 0 : waitMs + silentMaxMs,
      bodyTimeout: silentMaxMs,
    })
    const isDone = answer.statusCode === 200 || answer.statusCode === 204
    const bytes = await readAll(answer.body, {
      announced: Number(answer.headers['content-length']),
      max: isDone ? bytesMax : ERROR_BYTES_MAX,
      room,
    })
    if (isDone) return bytes
    const refusal = parseRefusal(answer.statusCode, bytes)
    if (refusal.code === 'not_found') return undefined
    throw refusal
  } catch (error) {
    if (error instanceof CliError) throw error
    if (signal?.aborted) throw new CliError('interrupted', 'interrupted', { cause: error })
    throw inWords(error, limit.aborted)
  }
}

/** Read a body once over, into the place that its announced length asks for: parts of artifacts are 4 MiB, and every copy of them shows. */
async function readAll(
  body: AsyncIterable<Uint8Array>,
  { announced, max, room }: { announced: number; max: number; room: Uint8Array | undefined },
): Promise<Uint8Array> {
  const length = announced <= max ? announced : max
  const bytes = room && room.length >= length ? room.subarray(0, length) : new Uint8Array(length)
  let filled = 0
  let last: Uint8Array | undefined
  for await (const chunk of body) {
    if (filled + chunk.length > length) throw badAnswer('longer than any answer of a relay')
    bytes.set(chunk, filled)
    filled += chunk.length
    // What the connection read together may come in several chunks: its memory is let go when the next was read.
    if (last && last.buffer !== chunk.buffer) releaseBytes(last)
    last = chunk
  }
  return filled === bytes.length ? bytes : bytes.slice(0, filled)
}

function parseRefusal(status: number, bytes: Uint8Array): CliError {
  const code = codeIn(Buffer.from(bytes).toString('utf8'))
  if (code === undefined || !isErrorCode(code) || statusOf(code) !== status) return badAnswer(`status ${status}`)
  return new CliError(code, REFUSALS[code] ?? `the relay answered ${code}`)
}

function codeIn(text: string): string | undefined {
  try {
    const { code } = JSON.parse(text) ?? {}
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  already_exists: 'the slot holds other bytes already',
  unauthenticated: 'the relay asks for a token that is valid and not spent',
  storage_full: 'the relay has no space left',
  too_large: 'the relay does not take this many bytes at once',
}

export function badAnswer(what: string): CliError {
  return new CliError('bad_answer', `what answered is not a relay of Agent Marketplace (${what})`)
}

const SILENCE: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
/** What the parser says when a connection ends in the middle of an answer. */
const CUT_OFF = 'HPE_INVALID_EOF_STATE'

/** What goes away by waiting is `unreachable`; a certificate that is not trusted does not. */
function inWords(error: unknown, isLate: boolean): CliError {
  const code = error instanceof Error && 'code' in error && error.code ? String(error.code) : ''
  if (isLate || SILENCE.has(code)) return new CliError('unreachable', 'the relay did not answer in time', { cause: error })
  // Without a code: the answer does not even begin like one.
  if (error instanceof errors.HTTPParserError && code !== CUT_OFF) return badAnswer('no HTTP')
  if (/^ERR_(?:TLS|SSL)|CERT|SIGNATURE/.test(code)) {
    return new CliError('bad_answer', `the relay shows a certificate that is not trusted (${code})`, { cause: error })
  }
  return new CliError('unreachable', `the relay cannot be reached${code && ` (${code})`}`, { cause: error })
}
