import type { Database } from '../storage/database.ts'
import { listRecords, publishPending, raiseHead } from './feed-store.ts'
import { hourOf, startOfPositions } from './rules.ts'

const CURSOR_BYTES = 8

interface FeedRequest {
  /** Position of the last record the listener has seen; 0 for none. */
  readonly after: number
  readonly waitMs: number
  /** Aborted when the listener hangs up. */
  readonly gone: AbortSignal
}

/** The public list of records: the same bytes for everybody who asks from the same position. */
export interface Feed {
  /** Say that a committed upload has left a record for the next tick. */
  expectTick(): void
  /** Wait until there is something behind `after` or the time is up. @returns the next cursor, 8 bytes, and the records, 40 bytes each. */
  read(request: FeedRequest): Promise<Buffer>
  /** Answer everybody who waits, and stop ticking. */
  close(): Promise<void>
}

/**
 * Open the feed: records become visible once a tick, sorted, so that neither their order nor their moment says who sent which.
 *
 * @param hasPending - Whether an earlier process left records that were never published.
 * @param onFault - Told of a tick that failed; its records wait for the next one.
 */
export async function openFeed(
  db: Database,
  options: { tickMs: number; now: () => number; hasPending: boolean; onFault: (error: unknown) => void },
): Promise<Feed> {
  const waiting = new Set<() => void>()
  // A relay that was put back to an earlier state must not give other records the positions that listeners have seen.
  let { before: quietFrom, head } = await db.write((tx) => raiseHead(tx, startOfPositions(options.now())))
  let isExpected = options.hasPending
  let publishing: Promise<void> | undefined
  let isClosed = false
  let page: { after: number; hour: number; bytes: Promise<Buffer> } | undefined

  async function publish(): Promise<void> {
    isExpected = false
    try {
      head = await db.write(publishPending)
      quietFrom = head
    } catch (error) {
      isExpected = true
      options.onFault(error)
      return
    }
    page = undefined
    for (const wake of waiting) wake()
  }

  const ticks = setInterval(() => {
    if (isExpected) publishing ??= publish().finally(() => (publishing = undefined))
  }, options.tickMs).unref()

  function nextTick({ waitMs, gone }: FeedRequest): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        waiting.delete(wake)
        gone.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      waiting.add(wake)
      gone.addEventListener('abort', wake)
    })
  }

  /** After a tick all listeners ask for one and the same page: it is read once. */
  function readPage(after: number): Promise<Buffer> {
    const hour = hourOf(options.now())
    if (page?.after !== after || page.hour !== hour) {
      const bytes = db.read((reader) => listRecords(reader, after, hour)).then(encodePage)
      page = { after, hour, bytes }
      bytes.catch(() => (page = undefined))
    }
    return page.bytes
  }

  return {
    expectTick() {
      isExpected = true
    },
    async read(request) {
      const isQuiet = request.after >= quietFrom && request.after <= head
      if (isQuiet && request.waitMs > 0 && !isClosed) await nextTick(request)
      return readPage(request.after)
    },
    async close() {
      isClosed = true
      clearInterval(ticks)
      for (const wake of waiting) wake()
      await publishing
    },
  }
}

/** @returns whether a page that was read has any records. */
export function holdsRecords(page: Uint8Array): boolean {
  return page.length > CURSOR_BYTES
}

function encodePage({ cursor, records }: { cursor: number; records: Uint8Array[] }): Buffer {
  const head = Buffer.alloc(CURSOR_BYTES)
  head.writeBigUInt64BE(BigInt(cursor))
  return Buffer.concat([head, ...records])
}
