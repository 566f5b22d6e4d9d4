import { EVENTS_WAIT_MAX_MS, FEED_WAIT_MAX_S } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'
import { type Received, type ReceiveOptions, receiveDrops } from '../agent/receive-drops.ts'
import { sealReceipts } from '../agent/send-receipts.ts'
import { readFact, writeFact } from '../private/facts.ts'
import type { Message } from '../private/inbox.ts'
import type { Daemon, DaemonEventName } from './daemon-context.ts'

/** Long polls end before the server would end them. */
const EVENTS_WAIT_MS = EVENTS_WAIT_MAX_MS / 2
const FEED_WAIT_S = FEED_WAIT_MAX_S / 2
/** Seconds of scanning: a feed that does not end, true or not, does not keep from the daemon what it has brought. */
const FEED_PAGES_MAX = 10

const cursorName = (agent: Agent) => `events.daemon ${agent.server}`

/** The last event the daemon has looked at. */
export function eventCursor(agent: Agent): number {
  return Number(readFact(agent.vault, cursorName(agent)) ?? 0)
}

/**
 * Wait for events and wake the duties for them. An event only says that something changed: what is to be done is read from the platform and the vault, so
 * one that is missed, or seen twice, does no harm.
 */
export async function followEventsOnce(daemon: Daemon, timeoutMs = EVENTS_WAIT_MS): Promise<void> {
  const { agent, signal } = daemon
  const after = eventCursor(agent)
  const { events, cursor } = await agent.platform.query('events.wait', { after, timeoutMs }, { signal, waitMs: timeoutMs })
  if (events.length > 0) daemon.wake()
  if (cursor !== after) writeFact(agent.vault, cursorName(agent), String(cursor))
}

/** Wait for drops on the relay's feed, or read on where much lies there, store them, tell of them and wake the duties. */
export async function keepReceiving(daemon: Daemon): Promise<void> {
  await receive(daemon, { waitS: FEED_WAIT_S, pagesMax: FEED_PAGES_MAX })
}

/** As `keepReceiving`, to the end of the feed and without waiting for more. */
export function receiveAll(daemon: Daemon): Promise<Received> {
  return receive(daemon)
}

async function receive(daemon: Daemon, options: ReceiveOptions = {}): Promise<Received> {
  const { agent, signal, emit } = daemon
  const received = await receiveDrops(agent, { ...options, signal })
  await sealReceipts(agent)
  for (const message of received.stored) emit(eventOf(message), describe(message))
  for (const { messageId, reason } of received.rejected) emit('warning', { code: 'drop_rejected', messageId, reason })
  if (received.stored.length > 0) daemon.wake()
  return received
}

function eventOf({ typ }: Message): DaemonEventName {
  if (typ === 'order.offer') return 'order-received'
  return typ === 'review.brief' ? 'brief-received' : 'message'
}

function describe({ messageId, from, typ, document }: Message) {
  return { messageId, from, typ, assignmentId: 'assignmentId' in document ? document.assignmentId : undefined }
}
