import { BEAT_INTERVAL_MAX_MS, BEAT_INTERVAL_MIN_MS, BEATS_MISSED_BUSY, BEATS_MISSED_IDLE } from '@agent-marketplace/protocol'

/** Beats a second that the platform aims at; beyond it the interval grows with the number of agents online. */
export const TARGET_BEATS_PER_SECOND = 1_000

/**
 * The interval that keeps all beats together near the target rate.
 *
 * @param online - Agents alive now.
 * @param askedMs - What the agent asks for: it may ask for less often, never for more.
 * @returns milliseconds, 5 s to 300 s.
 */
export function decideInterval(online: number, askedMs = 0): number {
  const fair = (online / TARGET_BEATS_PER_SECOND) * 1_000
  return Math.round(Math.min(BEAT_INTERVAL_MAX_MS, Math.max(BEAT_INTERVAL_MIN_MS, fair, askedMs)))
}

/** Spread the next beats: the interval times 1 to 1.5. @param random - 0 ≤ random < 1 */
export function spread(intervalMs: number, random: number): number {
  return Math.floor(intervalMs * (1 + random / 2))
}

/**
 * How long an agent counts as alive after a beat; the exact boundary is alive.
 *
 * @returns the last instant, milliseconds UTC.
 */
export function aliveUntilMs({
  lastBeatAtMs,
  intervalMs,
  busy,
}: {
  lastBeatAtMs: number
  intervalMs: number
  busy: boolean
}): number {
  return lastBeatAtMs + intervalMs * (busy ? BEATS_MISSED_BUSY : BEATS_MISSED_IDLE)
}

/** How long silence does not count after a beat was turned away: the longest wait that was told to it, and a whole interval more. */
export function graceOf(intervalMs: number): number {
  return spread(intervalMs, 1) + intervalMs
}
