import { EVENTS_WAIT_MAX_MS, type Event, type Events } from '@agent-marketplace/protocol'
import { readFact, writeFact } from '../private/facts.ts'
import type { Agent } from './agent.ts'

/** The server answers an idle poll a little before this, ms. */
const WAIT_MS = EVENTS_WAIT_MAX_MS / 2

export interface FollowInput {
  /** Position to begin after; without it, where the last run of this machine ended. */
  readonly after?: number | undefined
  /** How many events to give at most. */
  readonly limit?: number | undefined
  readonly signal: AbortSignal
}

/** Give every event of the agent, the oldest first, as they come. The position is kept when an event was taken, so nothing is lost. */
export async function* followEvents(
  agent: Agent,
  { after, limit = Number.POSITIVE_INFINITY, signal }: FollowInput,
): AsyncGenerator<Event> {
  const fact = `events.follow ${agent.server}`
  let cursor = after ?? Number(readFact(agent.vault, fact) ?? 0)
  for (let given = 0; given < limit && !signal.aborted; ) {
    const { events, cursor: end } = await nextEvents(agent, cursor, signal)
    for (const event of events.slice(0, limit - given)) {
      yield event
      cursor = event.seq
      given++
    }
    // A platform that was put back to a backup gives the places behind its end again.
    const isBeyond = end < cursor && events.length === 0
    if (isBeyond) cursor = end
    if (events.length > 0 || isBeyond) writeFact(agent.vault, fact, String(cursor))
  }
}

/** None if nothing happened for a while, or the signal ended the wait. */
async function nextEvents(agent: Agent, after: number, signal: AbortSignal): Promise<Events> {
  try {
    return await agent.platform.query('events.wait', { after, timeoutMs: WAIT_MS }, { signal, waitMs: WAIT_MS })
  } catch (error) {
    if (signal.aborted) return { events: [], cursor: after }
    throw error
  }
}
