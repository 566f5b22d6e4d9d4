import { createHash } from 'node:crypto'
import { drawDelayMs, type HandoffDelay } from '../../packages/agent-cli/src/agent/handoff-delay.ts'

export const AGENTS = 50
/** Every agent seals one drop in ten minutes. */
export const DROPS_PER_MS = AGENTS / 600_000
/** From the call to the platform to the sealed drop. */
const LATENCY_MS = { min: 200, max: 1_000 }

/** One act of an agent: the platform notes its event, with time and both parties; the drop reaches the relay later. */
export interface Act {
  readonly eventAtMs: number
  readonly from: number
  readonly to: number
  readonly dropAtMs: number
}

/**
 * Acts at random moments between random pairs, in the order of their events; times are those of a simulated clock, delays are drawn as agents draw them.
 * The dice are always the same: what is found once is found every time.
 *
 * @param files - How many files a drop leads to: each rests for a time of its own, like a drop, and the drop leaves when it and all of them have rested.
 */
export function simulateActs(count: number, delay: HandoffDelay, files = 0): Act[] {
  let thrown = 0
  const random = () => createHash('sha256').update(`${delay} ${files} ${++thrown}`).digest().readUIntBE(0, 6) / 2 ** 48
  const randomInt = (below: number) => Math.floor(random() * below)
  let eventAtMs = 0
  return Array.from({ length: count }, () => {
    eventAtMs += -Math.log(1 - random()) / DROPS_PER_MS
    const from = randomInt(AGENTS)
    const to = (from + 1 + randomInt(AGENTS - 1)) % AGENTS
    const latencyMs = LATENCY_MS.min + random() * (LATENCY_MS.max - LATENCY_MS.min)
    const rests = Array.from({ length: 1 + files }, () => drawDelayMs(delay, random))
    return { eventAtMs, from, to, dropAtMs: eventAtMs + latencyMs + Math.max(...rests) }
  })
}
