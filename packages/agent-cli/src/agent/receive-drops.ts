import { randomInt } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FEED_PAGE_RECORDS_MAX, RELAY_TTL_MS } from '@agent-marketplace/protocol'
import { matchRecord, prepareScanner, type Scanner } from '@agent-marketplace/protocol/sealing'
import {
  feedCursor,
  forgetRejected,
  type MatchedRecord,
  pendingDrops,
  type Rejection,
  recordScan,
  rejectDrop,
  scheduleDropRemoval,
} from '../private/arrivals.ts'
import { findMessage, type Message, storeArrival } from '../private/inbox.ts'
import { INBOX_LIMITS, type InboxLimits, measureRoom } from '../private/inbox-room.ts'
import { livePrekeys } from '../private/prekeys.ts'
import type { Agent } from './agent.ts'
import { openDrop } from './open-drop.ts'

/** How long the feed is scanned before other work gets its turn. */
const SCAN_TURN_MS = 25
/** A drop is deleted from the relay at a random time in this span after it was read, so that the two do not look like one act. */
const REMOVAL_AFTER_MS = { min: 60_000, max: 900_000 }
/** Drops taken in by one call: between two calls others of this process have their turn. */
const DROPS_A_CALL = 1_000
/** The feed shows a record for a week; a drop that was worth nothing is remembered for two. */
const REJECTED_KEPT_MS = 2 * RELAY_TTL_MS['7d']

export interface Received {
  /** Messages that are new in the inbox. */
  readonly stored: Message[]
  readonly rejected: { readonly messageId: string; readonly reason: Rejection }[]
}

export interface ReceiveOptions {
  /** How long to wait for the feed to grow when it has nothing new, s (≤ 60). */
  readonly waitS?: number | undefined
  /** How many pages of the feed are read before what they brought is taken in. Whoever calls again goes on behind them. */
  readonly pagesMax?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly limits?: InboxLimits | undefined
}

/**
 * Take in what the feed holds for this agent. Every step is in the vault before the next: a matched record with the feed's cursor, a verified
 * document before anybody acts on it or deletes it from the relay. Interrupted at any point, the next call goes on.
 *
 * @returns What is new in the inbox, and what was for us and worth nothing.
 * @throws CliError `unreachable` and the like; what came in before stays.
 */
export async function receiveDrops(agent: Agent, options: ReceiveOptions = {}): Promise<Received> {
  const { waitS = 0, pagesMax = Number.POSITIVE_INFINITY, signal, limits = INBOX_LIMITS } = options
  // What an interrupted call left is taken in at once, not after waiting for more.
  await scanFeed(agent, { waitS: pendingDrops(agent.vault, 1).length > 0 ? 0 : waitS, pagesMax, signal })
  const received: Received = { stored: [], rejected: [] }
  const pending = pendingDrops(agent.vault, DROPS_A_CALL)
  if (pending.length === 0) return received
  forgetRejected(agent.vault, agent.now() - REJECTED_KEPT_MS)
  const room = measureRoom(agent.vault, limits)
  for (const drop of pending) {
    signal?.throwIfAborted()
    const { messageId } = drop
    const found = await openDrop(agent, drop, { room, signal })
    if ('rejection' in found) {
      agent.vault.transaction(() => {
        rejectDrop(agent.vault, messageId, found.rejection, found.frame)
        if (found.frame) room.take(null, found.frame.length)
        if (found.rejection !== 'gone') scheduleDropRemoval(agent.vault, messageId, removalTime(agent))
      })
      if (found.rejection !== 'cover') received.rejected.push({ messageId, reason: found.rejection })
      continue
    }
    const isNew = agent.vault.transaction(() => {
      scheduleDropRemoval(agent.vault, messageId, removalTime(agent))
      return storeArrival(agent.vault, messageId, found, agent.now())
    })
    if (isNew) room.take(found.from, found.frame.length + found.doc.length)
    const message = isNew ? findMessage(agent.vault, messageId) : undefined
    if (message) received.stored.push(message)
  }
  return received
}

/** Read the feed to its end, or for so many pages, and keep what is ours. */
async function scanFeed(
  agent: Agent,
  { waitS, pagesMax, signal }: { waitS: number; pagesMax: number; signal: AbortSignal | undefined },
): Promise<void> {
  const relay = await agent.relay()
  const scanners = livePrekeys(agent.vault, agent.now()).map(prepareScanner)
  for (let page = 0; page < pagesMax; page++) {
    const after = feedCursor(agent.vault, relay.origin)
    const { cursor, records } = await relay.feed({ after, waitS: page === 0 ? waitS : 0, ...(signal && { signal }) })
    const matched = await matchRecords(scanners, records)
    if (matched.length > 0 || cursor !== after) recordScan(agent.vault, { relay: relay.origin, cursor, matched }, agent.now())
    if (records.length < FEED_PAGE_RECORDS_MAX) return
  }
}

async function matchRecords(scanners: readonly Scanner[], records: readonly Uint8Array[]): Promise<MatchedRecord[]> {
  const matched: MatchedRecord[] = []
  let turnEndsAtMs = performance.now() + SCAN_TURN_MS
  for (const record of records) {
    if (performance.now() >= turnEndsAtMs) {
      await nextTurn()
      turnEndsAtMs = performance.now() + SCAN_TURN_MS
    }
    const match = matchRecord(scanners, record)
    if (match) matched.push({ ...match, ephemeral: record.slice(0, match.prekey.length) })
  }
  return matched
}

function removalTime(agent: Agent): number {
  const { min, max } = REMOVAL_AFTER_MS
  return agent.now() + randomInt(min, max + 1)
}
