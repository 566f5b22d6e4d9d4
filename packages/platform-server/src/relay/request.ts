import type { IncomingMessage } from 'node:http'
import {
  CAP_BYTES,
  FEED_WAIT_MAX_S,
  fromBase64url,
  RECORD_BYTES,
  RELAY_FORBIDDEN_HEADERS,
  RELAY_HEADERS,
  RELAY_TTL_MS,
  type RelayTtl,
  SIZE_CLASSES,
  SLOT_ID_BYTES,
} from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import { transferMaxMs } from './rules.ts'
import type { Upload } from './upload.ts'

const SIZE_CLASS_MAX = Math.max(...SIZE_CLASSES)
const UNSIGNED = /^(?:0|[1-9][0-9]{0,14})$/

/** Refuse what would tie a request to somebody, and encodings that hide how long a body is. @throws Refusal `invalid_input`, `unsupported_media_type`. */
export function refuseForbidden({ headers }: IncomingMessage): void {
  const forbidden = RELAY_FORBIDDEN_HEADERS.find((name) => headers[name] !== undefined)
  if (forbidden) throw new Refusal('invalid_input', `the relay takes no ${forbidden} header`)
  if (headers['transfer-encoding'] !== undefined) throw new Refusal('invalid_input', 'the relay takes no transfer encoding')
  if (headers['content-encoding'] !== undefined)
    throw new Refusal('unsupported_media_type', 'the relay takes no content encoding')
}

/** @throws Refusal `invalid_input` when a call that has no body comes with one. */
export function refuseBody({ headers }: IncomingMessage): void {
  if ((headers['content-length'] ?? '0') !== '0') throw new Refusal('invalid_input', 'this call takes no body')
}

/** Read the head of an upload. @throws Refusal `invalid_input`; `too_large` above the largest size class. */
export function parseUpload({ headers }: IncomingMessage, slotId: string): Upload {
  const record = headers[RELAY_HEADERS.record]
  const token = headers[RELAY_HEADERS.token]
  return {
    slotId: parseBytes(slotId, SLOT_ID_BYTES),
    deleteHash: parseBytes(headers[RELAY_HEADERS.deleteHash], CAP_BYTES),
    ttl: parseTtl(headers[RELAY_HEADERS.ttl]),
    sizeClass: parseSizeClass(headers['content-length']),
    record: record === undefined ? undefined : parseBytes(record, RECORD_BYTES),
    token: typeof token === 'string' ? token : undefined,
  }
}

export function parseReadCap({ headers }: IncomingMessage): Uint8Array {
  return parseBytes(headers[RELAY_HEADERS.readCap], CAP_BYTES)
}

export function parseDeleteCap({ headers }: IncomingMessage): Uint8Array {
  return parseBytes(headers[RELAY_HEADERS.deleteCap], CAP_BYTES)
}

/** Read `after=N&wait=S`: `after` is required, `wait` is 0 when absent, nothing else is taken. @throws Refusal `invalid_input`. */
export function parseFeedQuery(query: string): { after: number; waitS: number } {
  const fields = new URLSearchParams(query)
  if (fields.size !== new Set(fields.keys()).size) throw new Refusal('invalid_input', 'a parameter is given twice')
  const after = parseUnsigned(fields.get('after'), Number.MAX_SAFE_INTEGER)
  const waitS = parseUnsigned(fields.get('wait') ?? '0', FEED_WAIT_MAX_S)
  if (fields.size > (fields.has('wait') ? 2 : 1)) throw new Refusal('invalid_input', 'the feed takes after and wait')
  return { after, waitS }
}

/**
 * Read a body of a known length. The parser of node:http holds the peer to its Content-Length; this holds it to the time.
 *
 * @throws Refusal `request_timeout` for a slow peer; Error when the connection ends before the body.
 */
export async function* readBody(req: IncomingMessage, bytes: number): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = req.iterator({ destroyOnReturn: false })
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Refusal('request_timeout', 'the body came too slowly')), transferMaxMs(bytes))
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), late.promise])
      if (next.done) return
      yield next.value
    }
  } finally {
    clearTimeout(timer)
    void chunks.return?.()
  }
}

function parseBytes(text: string | string[] | undefined, length: number): Uint8Array {
  const bytes = typeof text === 'string' ? fromBase64url(text) : undefined
  if (bytes?.length !== length) throw new Refusal('invalid_input', `a value must be ${length} bytes in base64url`)
  return bytes
}

function parseTtl(text: string | string[] | undefined): RelayTtl {
  if (typeof text !== 'string' || !Object.hasOwn(RELAY_TTL_MS, text))
    throw new Refusal('invalid_input', 'Relay-TTL must be 1h, 24h or 7d')
  return text as RelayTtl
}

function parseSizeClass(text: string | undefined): number {
  const bytes = parseUnsigned(text ?? null, Number.MAX_SAFE_INTEGER)
  if (bytes > SIZE_CLASS_MAX) throw new Refusal('too_large', 'the body is longer than the largest size class')
  if (!SIZE_CLASSES.some((size) => size === bytes))
    throw new Refusal('invalid_input', 'the body must have a size class as its length')
  return bytes
}

function parseUnsigned(text: string | null, max: number): number {
  if (text === null || !UNSIGNED.test(text) || Number(text) > max)
    throw new Refusal('invalid_input', 'a number is missing or out of range')
  return Number(text)
}
