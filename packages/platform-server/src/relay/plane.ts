import type { Server } from 'node:http'
import type { Database } from '../storage/database.ts'
import type { BlobStore } from './blob-store.ts'
import { openFeed } from './feed.ts'
import { countRecords } from './feed-store.ts'
import { forgetThoroughly } from './forgetting.ts'
import { createListener } from './listener.ts'
import { createQuota, RECORD_COST_BYTES } from './quota.ts'
import type { Relay } from './relay.ts'
import { answerRequest } from './routes.ts'
import { hourOf } from './rules.ts'
import { sumBodyBytes } from './slot-store.ts'
import { sweepExpired, sweepOrphans } from './sweep.ts'
import type { TokenVerifier } from './tokens.ts'

/** How long `close` waits for transfers that are under way. */
const DRAIN_MS = 5_000

export interface RelayOptions {
  /** The relay's own index, opened with `relayMigrations`. The caller closes it, after `close`. */
  readonly db: Database
  /** Where bodies are kept. */
  readonly blobs: BlobStore
  /** How often new records become visible, in milliseconds. */
  readonly feedTickMs: number
  /** How long a listener may wait for the next tick, in seconds; the protocol allows at most 60. */
  readonly feedWaitMaxS: number
  /** Space of all bodies and records together, in bytes. Above it uploads are refused with 503 `storage_full`. */
  readonly capBytes: number
  readonly tokens: 'off' | TokenVerifier
  readonly now: () => number
  /** Told of bugs and I/O errors: name, code and stack frames, nothing of a request and no path. */
  readonly onFault?: (fault: string) => void
}

export interface RelayPlane {
  /** Not listening yet. */
  readonly server: Server
  /** Remove what has expired, and once an hour bodies that no slot refers to. @returns how many things were removed. */
  sweep(): Promise<number>
  /** Take no more requests, answer the waiting listeners, let transfers end. */
  close(): Promise<void>
}

/**
 * Open the anonymous plane: its feed, its files and its listener. It knows no agent, no task and no log.
 *
 * @throws what the storage throws; nothing is listening then.
 */
export async function createRelayPlane(options: RelayOptions): Promise<RelayPlane> {
  const { db, now } = options
  const onFault = (error: unknown) => options.onFault?.(describeFault(error))
  await forgetThoroughly(db)
  const inFlight = new Set<string>()
  let areOrphansDue = false
  const blobs: BlobStore = {
    ...options.blobs,
    // Its slot is gone, whatever happens to the body: one that could not be removed is looked for with the next sweep.
    remove: (ref) =>
      options.blobs.remove(ref).catch((error: unknown) => {
        areOrphansDue = true
        onFault(error)
      }),
  }
  await sweepOrphans({ db, blobs, inFlight })

  const bodyBytes = await db.read(sumBodyBytes)
  const records = await db.read(countRecords)
  const quota = createQuota(options.capBytes, bodyBytes + (records.published + records.pending) * RECORD_COST_BYTES)
  const feed = await openFeed(db, { tickMs: options.feedTickMs, now, hasPending: records.pending > 0, onFault })
  const relay: Relay = { db, blobs, quota, feed, tokens: options.tokens, now, inFlight }
  const feedWaitMaxMs = options.feedWaitMaxS * 1_000
  const { server, idle } = createListener((req, res) => answerRequest(relay, { req, res, feedWaitMaxMs }), onFault)
  let orphansSweptAt = hourOf(now())

  return {
    server,
    async sweep() {
      const expired = await sweepExpired(relay)
      if (!areOrphansDue && orphansSweptAt === hourOf(now())) return expired
      areOrphansDue = false
      orphansSweptAt = hourOf(now())
      return expired + (await sweepOrphans(relay))
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      await feed.close()
      const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
      await closed
      clearTimeout(cut)
      await idle()
    },
  }
}

/** What may be logged of a fault: messages of the file system carry paths, and a path names a body. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error ? ` ${error.code}` : ''
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [`${error.name}${code}`, ...frames].join('\n')
}
