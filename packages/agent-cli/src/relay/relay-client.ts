import {
  FEED_PAGE_RECORDS_MAX,
  FEED_WAIT_MAX_S,
  RECORD_BYTES,
  RELAY_HEADERS,
  RELAY_PATHS,
  RelayTokenKeys,
  type RelayTtl,
  SIZE_CLASSES,
  toBase64url,
} from '@agent-marketplace/protocol'
import { withRetry } from '../platform/retry.ts'
import { parseOrigin } from '../settings/origin.ts'
import { openDispatcher } from './dispatcher.ts'
import { badAnswer, type Exchange, exchange } from './exchange.ts'

const CURSOR_BYTES = 8
const KEYS_BYTES_MAX = 64 * 1_024
const SIZE_CLASS_MAX = Math.max(...SIZE_CLASSES)
const TIMEOUT_DEFAULT_MS = 30_000
/** An exchange may take this long beside its transfer … */
const GRACE_MS = 15_000
/** … which has to move this many bytes a millisecond (32 KiB/s). */
const BYTES_PER_MS_MIN = 32
/** A relay that says nothing for so long is given up, long before the time for a whole transfer is over. */
const SILENT_MAX_MS = 15_000

export interface RelayClientOptions {
  readonly origin: string
  /** `http://…` or `socks5://…`, for these connections alone. */
  readonly proxy?: string | undefined
  /** Plain http to another machine is refused unless this is set. */
  readonly allowPlain?: boolean | undefined
  /** How long a call is tried again after a failure that may pass, in milliseconds. A transfer that moves is not cut by it. */
  readonly timeoutMs?: number | undefined
}

export interface SlotUpload {
  /** 16 bytes. */
  readonly slotId: Uint8Array
  /** 32 bytes. */
  readonly deleteHash: Uint8Array
  readonly ttl: RelayTtl
  /** 40 bytes for the feed. */
  readonly record?: Uint8Array | undefined
  /** Exactly one size class. */
  readonly body: Uint8Array
  readonly token?: Uint8Array | undefined
}

export interface SlotCaps {
  /** 32 bytes each. */
  readonly readCap: Uint8Array
  readonly deleteCap: Uint8Array
}

interface FeedPage {
  /** Where to go on from. */
  readonly cursor: number
  /** 40 bytes each. */
  readonly records: Uint8Array[]
}

/**
 * The anonymous plane, seen by a client. Its connections are its own, carry nothing that names the caller, and end after each call about a
 * slot, so that a relay cannot tell by them which slots belong together. Every call may be repeated: it is, after failures that may pass.
 */
export interface RelayClient {
  /** As `URL.origin` writes it. */
  readonly origin: string
  /** Fill a slot; the same bytes again are no error. @throws CliError `already_exists` if it holds other bytes. */
  put(upload: SlotUpload): Promise<void>
  /**
   * @param room - Where the body is written, if it is long enough; memory of its own otherwise.
   * @returns the body; `undefined` for a slot that is unknown, deleted or expired.
   */
  read(readCap: Uint8Array, room?: Uint8Array): Promise<Uint8Array | undefined>
  /** @returns `false` if there was nothing to delete; after a lost answer that may be this very call's doing. */
  remove(caps: SlotCaps): Promise<boolean>
  /**
   * Records behind a position, waiting for some if there are none.
   * A relay that has never been as far as `after` has lost its memory: its feed is then read from the start.
   *
   * @param waitS - 0–60 seconds.
   * @throws CliError `interrupted` when `signal` is aborted.
   */
  feed(request: { after: number; waitS: number; signal?: AbortSignal | undefined }): Promise<FeedPage>
  /** The public token keys of this epoch and the next, as the relay states them to everybody; none if it takes no tokens. */
  keys(): Promise<RelayTokenKeys>
  /** Cut what is under way and let go of all connections. */
  close(): Promise<void>
}

/** @throws CliError `usage` for a bad origin or proxy, or plain http to another machine. */
export function createRelayClient(options: RelayClientOptions): RelayClient {
  const origin = parseOrigin(options.origin, { what: 'the relay', allowPlain: options.allowPlain ?? false })
  const dispatcher = openDispatcher(options.proxy)
  const timeoutMs = options.timeoutMs ?? TIMEOUT_DEFAULT_MS
  const silentMaxMs = Math.min(timeoutMs, SILENT_MAX_MS)
  const call = (request: Omit<Exchange, 'silentMaxMs'>) =>
    withRetry(() => exchange(dispatcher, origin, { ...request, silentMaxMs }), { timeoutMs, signal: request.signal })

  async function readFeed({ after, waitS, signal }: Parameters<RelayClient['feed']>[0]): Promise<FeedPage> {
    const bytesMax = CURSOR_BYTES + FEED_PAGE_RECORDS_MAX * RECORD_BYTES
    const path = `${RELAY_PATHS.feed}?after=${after}&wait=${Math.min(waitS, FEED_WAIT_MAX_S)}`
    const waitMs = waitS * 1_000
    const maxMs = waitMs + transferMaxMs(bytesMax)
    const page = parseFeedPage(await call({ method: 'GET', path, bytesMax, maxMs, waitMs, signal, keepsConnection: true }))
    if (page.cursor < after) return readFeed({ after: 0, waitS, signal })
    if (page.cursor - after < page.records.length) throw badAnswer('a feed that stands still')
    return page
  }

  return {
    origin,

    async put({ slotId, deleteHash, ttl, record, body, token }) {
      const headers = {
        ...(token && { [RELAY_HEADERS.token]: toBase64url(token) }),
        [RELAY_HEADERS.deleteHash]: toBase64url(deleteHash),
        [RELAY_HEADERS.ttl]: ttl,
        ...(record && { [RELAY_HEADERS.record]: toBase64url(record) }),
      }
      const path = RELAY_PATHS.slot + toBase64url(slotId)
      const answer = await call({ method: 'PUT', path, headers, body, bytesMax: 0, maxMs: transferMaxMs(body.length) })
      if (!answer) throw badAnswer('no such path')
    },

    async read(readCap, room) {
      const headers = { [RELAY_HEADERS.readCap]: toBase64url(readCap) }
      const maxMs = transferMaxMs(SIZE_CLASS_MAX)
      const body = await call({ method: 'POST', path: RELAY_PATHS.read, headers, bytesMax: SIZE_CLASS_MAX, maxMs, room })
      if (body && !SIZE_CLASSES.some((size) => size === body.length)) throw badAnswer('a body of no size class')
      return body
    },

    async remove({ readCap, deleteCap }) {
      const headers = { [RELAY_HEADERS.readCap]: toBase64url(readCap), [RELAY_HEADERS.deleteCap]: toBase64url(deleteCap) }
      const answer = await call({ method: 'POST', path: RELAY_PATHS.delete, headers, bytesMax: 0, maxMs: transferMaxMs(0) })
      return answer !== undefined
    },

    feed: readFeed,

    async keys() {
      const maxMs = transferMaxMs(KEYS_BYTES_MAX)
      return parseKeys(await call({ method: 'GET', path: RELAY_PATHS.keys, bytesMax: KEYS_BYTES_MAX, maxMs }))
    },

    close: () => dispatcher.destroy(),
  }
}

function transferMaxMs(bytes: number): number {
  return GRACE_MS + Math.ceil(bytes / BYTES_PER_MS_MIN)
}

function parseFeedPage(bytes: Uint8Array | undefined): FeedPage {
  const count = ((bytes?.length ?? 0) - CURSOR_BYTES) / RECORD_BYTES
  if (!bytes || count < 0 || !Number.isInteger(count)) throw badAnswer('a feed of a strange length')
  const cursor = Buffer.from(bytes.buffer, bytes.byteOffset, CURSOR_BYTES).readBigUInt64BE()
  if (cursor > Number.MAX_SAFE_INTEGER) throw badAnswer('a feed without a position')
  const recordAt = (index: number) =>
    bytes.subarray(CURSOR_BYTES + index * RECORD_BYTES, CURSOR_BYTES + (index + 1) * RECORD_BYTES)
  return { cursor: Number(cursor), records: Array.from({ length: count }, (_, index) => recordAt(index)) }
}

function parseKeys(bytes: Uint8Array | undefined): RelayTokenKeys {
  try {
    return RelayTokenKeys.parse(JSON.parse(Buffer.from(bytes ?? []).toString('utf8')))
  } catch {
    throw badAnswer('no token keys')
  }
}
