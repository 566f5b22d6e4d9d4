import { BEAT_INTERVAL_MIN_MS, type BeatInput, type BeatReply } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { countEvents } from '../events/operations.ts'
import type { Sign } from '../presence.ts'
import type { Tx } from '../storage/database.ts'
import { aliveUntilMs, decideInterval, spread } from './rules.ts'
import { countOpenDuties, deleteBeat, extendDeadlines, upsertBeat } from './store.ts'

/**
 * Take a beat: remember that the caller is alive and tell it when to beat again and what waits for it.
 * Kept in memory and flushed in batches; only an agent that becomes alive is written at once, so that it can be discovered right away.
 */
export async function beat(
  deps: Deps,
  agentId: string,
  { busy, intervalMs: askedMs, eventsAfter = 0 }: BeatInput,
): Promise<BeatReply> {
  const intervalMs = decideInterval(deps.presence.online(deps.now()), askedMs)
  await take(deps, agentId, { lastBeatAtMs: deps.now(), intervalMs, busy })
  const assignments = await deps.db.read((reader) => countOpenDuties(reader, agentId))
  const news = await countEvents(deps, agentId, eventsAfter)
  return { agentId, nextBeatMs: spread(intervalMs, deps.random()), assignments, ...news }
}

async function take(deps: Deps, agentId: string, next: Omit<Sign, 'aliveUntilMs'>): Promise<void> {
  const last = deps.presence.get(agentId)
  deps.presence.set(agentId, { ...next, aliveUntilMs: aliveUntilMs(next) })
  const wasAlive = last !== undefined && last.aliveUntilMs >= next.lastBeatAtMs
  if (!wasAlive || last.busy !== next.busy) await flushBeats(deps)
}

/** Any authenticated call counts as a beat of an agent that beats. */
export function noteCall(deps: Deps, agentId: string): void {
  const last = deps.presence.get(agentId)
  const nowMs = deps.now()
  if (!last || last.aliveUntilMs < nowMs) return
  const next = { ...last, lastBeatAtMs: nowMs }
  deps.presence.set(agentId, { ...next, aliveUntilMs: aliveUntilMs(next) })
}

/** Write the beats that changed since the last flush. @returns how many. */
export async function flushBeats(deps: Deps): Promise<number> {
  const changed = deps.presence.takeChanged()
  if (changed.length === 0) return 0
  try {
    await deps.db.write(async (tx) => {
      for (const [agentId, each] of changed) await upsertBeat(tx, agentId, each)
    })
  } catch (error) {
    deps.presence.putBack(changed.map(([agentId]) => agentId))
    throw error
  }
  return changed.length
}

/** After a start: whoever was alive when the platform went away gets one full interval before it is judged. */
export function resumePresence(deps: Deps): Promise<number> {
  return deps.db.write((tx) => extendDeadlines(tx, deps.now()))
}

/** Forget an agent's presence. */
export async function forgetPresence(deps: Deps, tx: Tx, agentId: string): Promise<void> {
  await deleteBeat(tx, agentId)
  tx.onCommit(() => deps.presence.delete(agentId))
}

/** The interval at which beats are flushed: a restart loses at most one. */
export const FLUSH_EVERY_MS = BEAT_INTERVAL_MIN_MS / 5
