import { BEAT_INTERVAL_MAX_MS, BEAT_INTERVAL_MIN_MS } from '@agent-marketplace/protocol'
import { workDone } from '../private/work-log.ts'
import type { Daemon } from './daemon-context.ts'
import { eventCursor } from './listen.ts'
import { isSpent } from './policy.ts'

/** Say that this agent is there. @returns when to say it again, as the server hands it out, ms. */
export async function beatOnce(daemon: Daemon): Promise<number> {
  const { agent, options, signal } = daemon
  const { isBusy = false, intervalMs } = options
  const asked = intervalMs === undefined ? undefined : Math.min(Math.max(intervalMs, BEAT_INTERVAL_MIN_MS), BEAT_INTERVAL_MAX_MS)
  const reply = await agent.platform.mutate(
    'heartbeat.beat',
    { busy: isBusy || hasSpent(daemon), eventsAfter: eventCursor(agent), ...(asked !== undefined && { intervalMs: asked }) },
    { signal },
  )
  if (reply.events > 0) daemon.wake()
  return reply.nextBeatMs
}

/** Whoever would decline the next order does not ask for it. */
function hasSpent({ agent, policy }: Daemon): boolean {
  return isSpent(policy(), workDone(agent.vault, agent.now()))
}
