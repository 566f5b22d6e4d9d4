import { randomInt } from 'node:crypto'

/** How long a sealed drop rests in the outbox before it goes to the relay. */
export const HANDOFF_DELAYS = ['none', 'balanced', 'private'] as const
export type HandoffDelay = (typeof HANDOFF_DELAYS)[number]

/** What an agent does so that times tell less about who wrote to whom. */
export interface HandoffOptions {
  readonly delay: HandoffDelay
  /** The daemon sends drops that say nothing, to itself. */
  readonly cover: boolean
  /** Tell senders that a message is stored and that it was opened, without being asked. */
  readonly receipts: boolean
}

export const HANDOFF_DEFAULT: HandoffOptions = { delay: 'none', cover: false, receipts: true }

/** Exponential, cut at the maximum: a drop seen on the relay could have been sealed at any earlier moment, the latest not much more likely than others. */
const DISTRIBUTIONS: Readonly<Record<HandoffDelay, { meanMs: number; maxMs: number }>> = {
  none: { meanMs: 0, maxMs: 0 },
  balanced: { meanMs: 30_000, maxMs: 180_000 },
  private: { meanMs: 600_000, maxMs: 2_400_000 },
}

/** Between two cover drops, on average; exponential. */
const COVER_EVERY_MS = 600_000
const COVER_MAX_MS = 3_600_000
const RANDOM_STEPS = 2 ** 47

/** How long to keep a drop that is sealed now, ms. Every drop is given its own time, so that those sealed together do not travel together. */
export function drawDelayMs(delay: HandoffDelay, random: () => number = unpredictable): number {
  const { meanMs, maxMs } = DISTRIBUTIONS[delay]
  return maxMs === 0 ? 0 : drawCutExponential(meanMs, maxMs, random)
}

/** How long until the next cover drop, ms. */
export function drawCoverPauseMs(random: () => number = unpredictable): number {
  return drawCutExponential(COVER_EVERY_MS, COVER_MAX_MS, random)
}

function drawCutExponential(meanMs: number, maxMs: number, random: () => number): number {
  return Math.round(-meanMs * Math.log(1 - random() * (1 - Math.exp(-maxMs / meanMs))))
}

/** 0 ≤ x < 1. Not `Math.random`, whose past and future can be computed from a few of its results. */
function unpredictable(): number {
  return randomInt(RANDOM_STEPS) / RANDOM_STEPS
}
