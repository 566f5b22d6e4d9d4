import { BEAT_INTERVAL_MIN_MS, type BeatInput, type BeatReply } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { countEvents } from '../events/operations.ts'
import type { Sign } from '../presence.ts'
import type { Tx } from '../storage/database.ts'
import { aliveUntilMs, decideInterval, graceOf, spread } from './rules.ts'
import {
  countOpenDuties,
  deleteBeat,
  deleteBeatNotAfter,
  deleteLapsed,
  extendDeadlines,
  listAlive,
  upsertBeats,
} from './store.ts'

/** The interval at which beats are flushed: a restart loses at most one. */
export const FLUSH_EVERY_MS = BEAT_INTERVAL_MIN_MS / 5
/** What an earlier process left of agents that are long gone is forgotten at a start; other processes may know better of the rest. */
const LAPSED_KEPT_MS = 3_600_000
/** Beats written by one transaction: well below a millisecond. */
const FLUSH_TOGETHER = 100

/** A beat is turned away: nobody's deadline passes until everybody had time to be heard. @returns the refusal, with the time after which to beat again. */
export function turnAway(deps: Deps): Refusal {
  const nowMs = deps.now()
  const intervalMs = decideInterval(deps.presence.online(nowMs))
  deps.presence.noteShed(nowMs, graceOf(intervalMs))
  const retryAfterMs = spread(intervalMs, deps.random())
  return new Refusal('overloaded', 'too many beats: nobody is taken for gone meanwhile', { retryAfterMs })
}

/**
 * Take a beat: remember that the caller is alive and tell it when to beat again and what waits for it.
 * Kept in memory and flushed in batches; only an agent that becomes alive, or busy, is written at once, so that others see it right away.
 */
export async function beat(
  deps: Deps,
  agentId: string,
  { busy, intervalMs: askedMs, eventsAfter = 0 }: BeatInput,
): Promise<BeatReply> {
  const intervalMs = decideInterval(deps.presence.online(deps.now()), askedMs)
  await take(deps, agentId, { lastBeatAtMs: deps.now(), intervalMs, busy })
  return deps.db.read(async (reader) => ({
    agentId,
    nextBeatMs: spread(intervalMs, deps.random()),
    assignments: await countOpenDuties(reader, agentId),
    ...(await countEvents(reader, agentId, eventsAfter)),
  }))
}

async function take(deps: Deps, agentId: string, next: Omit<Sign, 'aliveUntilMs'>): Promise<void> {
  const wasAlive = deps.presence.isAlive(agentId, next.lastBeatAtMs)
  const wasBusy = deps.presence.get(agentId)?.busy
  deps.presence.set(agentId, { ...next, aliveUntilMs: aliveUntilMs(next) })
  if (!wasAlive || wasBusy !== next.busy) await flushBeats(deps)
}

/** Any authenticated call counts as a beat of an agent that is alive; whether it is busy is what it last said, to whatever process. */
export function noteCall(deps: Deps, agentId: string): void {
  const last = deps.presence.get(agentId)
  const nowMs = deps.now()
  if (!last || !deps.presence.isAlive(agentId, nowMs)) return
  const next = { ...last, lastBeatAtMs: nowMs }
  deps.presence.set(agentId, { ...next, aliveUntilMs: aliveUntilMs(next) }, 'call')
}

/** Write the beats that changed since the last flush, a few at a time so that nothing else waits for long. @returns how many. */
export async function flushBeats(deps: Deps): Promise<number> {
  const changed = deps.presence.takeChanged()
  for (let written = 0; written < changed.length; written += FLUSH_TOGETHER) {
    const batch = changed.slice(written, written + FLUSH_TOGETHER)
    try {
      await deps.db.write(async (tx) => {
        for (const word of ['beat', 'call'] as const)
          await upsertBeats(
            tx,
            batch.filter((each) => each[2] === word),
            word,
          )
      })
    } catch (error) {
      deps.presence.putBack(changed.slice(written))
      throw error
    }
  }
  return changed.length
}

/** Forget the beats of agents that are gone: from then on nobody looks past them for one that is there. @returns how many were looked at. */
export async function sweepPresence(deps: Deps): Promise<number> {
  deps.presence.online(deps.now())
  const departed = deps.presence.takeDeparted()
  for (let swept = 0; swept < departed.length; swept += FLUSH_TOGETHER) {
    const batch = departed.slice(swept, swept + FLUSH_TOGETHER)
    await deps.db.write(async (tx) => {
      for (const [agentId, lastBeatAtMs] of batch) await deleteBeatNotAfter(tx, agentId, lastBeatAtMs)
    })
  }
  return departed.length
}

/**
 * After a start: whoever was alive when the platform went away gets one full interval before it is judged.
 *
 * @returns how many agents are alive.
 */
export async function resumePresence(deps: Deps): Promise<number> {
  await deps.db.write(async (tx) => {
    await extendDeadlines(tx, deps.now())
    await deleteLapsed(tx, deps.now() - LAPSED_KEPT_MS)
  })
  const alive = await deps.db.read((reader) => listAlive(reader, deps.now()))
  for (const { agentId, ...sign } of alive) deps.presence.restore(agentId, { ...sign, aliveUntilMs: aliveUntilMs(sign) })
  return alive.length
}

/** Forget an agent's presence. */
export async function forgetPresence(deps: Deps, tx: Tx, agentId: string): Promise<void> {
  await deleteBeat(tx, agentId)
  tx.onCommit(() => deps.presence.delete(agentId))
}
