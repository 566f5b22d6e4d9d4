import { EVENTS_KEPT_MS, type Events, PAGE_MAX } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { forgetDue } from '../forget-due.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { deleteEventsBefore, findLastSeq, type Happening, insertEvent, listCancelled, listEvents, takeSeq } from './store.ts'

export type { Happening } from './store.ts'

/** Tell these agents, each once, what happened; in the transaction that causes it. */
export async function appendEvents(
  deps: Deps,
  tx: Tx,
  toAgentIds: readonly (string | undefined)[],
  happening: Happening,
): Promise<void> {
  for (const toAgentId of new Set(toAgentIds)) {
    if (toAgentId === undefined) continue
    const seq = await takeSeq(tx, toAgentId)
    await insertEvent(tx, { toAgentId, seq, eventId: deps.newId('evt'), atMs: deps.now() }, happening)
    tx.onCommit(() => deps.wakeups.wake(toAgentId))
  }
}

/**
 * Read what came after a cursor, waiting for it if there is nothing yet.
 *
 * @returns events in order and the cursor to go on from; none after the time-out. At once and with the end of the stream for a cursor that lies beyond it:
 *   the platform was put back to a backup, and whoever waited on would sleep through all that takes these places again.
 */
export async function waitForEvents(
  deps: Deps,
  agentId: string,
  { after, timeoutMs, limit, signal }: { after: number; timeoutMs: number; limit: number; signal: AbortSignal },
): Promise<Events> {
  const read = () =>
    deps.db.read(async (reader) => {
      const events = await listEvents(reader, agentId, after, limit)
      return { events, cursor: events.at(-1)?.seq ?? Math.min(after, await findLastSeq(reader, agentId)) }
    })
  // Listen before looking, so that nothing that commits in between is slept through.
  const stopped = new AbortController()
  const woken = deps.wakeups.wait(agentId, { timeoutMs, signal: AbortSignal.any([signal, stopped.signal]) })
  const found = await read()
  if (found.cursor !== after || timeoutMs === 0) {
    stopped.abort()
    return found
  }
  await woken
  return read()
}

/** What came after an agent's cursor, counted, and which of its assignments were cancelled since. */
export async function countEvents(
  reader: Reader,
  agentId: string,
  after: number,
): Promise<{ events: number; cancelledAssignmentIds: string[] }> {
  const events = Math.max(0, (await findLastSeq(reader, agentId)) - after)
  const cancelledAssignmentIds = events === 0 ? [] : await listCancelled(reader, agentId, after, PAGE_MAX)
  return { events, cancelledAssignmentIds }
}

/** Forget events older than seven days. */
export function sweepEvents(deps: Deps): Promise<number> {
  return forgetDue(deps.db, (tx, limit) => deleteEventsBefore(tx, deps.now() - EVENTS_KEPT_MS, limit))
}
