import type { ProcedureName, procedures } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** Calls under way from which on these are turned away. One process on one core has some ten under way at its full rate: with hundreds it is behind. */
const SHED_FROM = { discovery: 256, read: 1_024 } as const
/** Calls that wait on purpose: they cost nothing meanwhile, and who is turned away would only knock again. */
const WAITING: ReadonlySet<string> = new Set<ProcedureName>(['events.wait'])
/** Choosing somebody can wait, and so can looking around. */
const DISCOVERY: ReadonlySet<string> = new Set<ProcedureName>(['discovery.discover', 'discovery.listAgents'])
const RETRY_AFTER_MS = 1_000

type Kind = (typeof procedures)[ProcedureName]['type']

/**
 * Turns calls away while too many are under way, in the order in which they can be missed: discovery first, beats next (by `BeatLine`, which also
 * stops the clock that they feed), then all other reads. See design/decisions/0029-who-is-turned-away-first.md. What changes something (a verdict, money, work) is never turned away here.
 */
export class CallGate {
  #underWay = 0

  /** @returns what to call when the call has ended. @throws Refusal `overloaded`. */
  enter(procedure: string, kind: Kind): () => void {
    if (WAITING.has(procedure)) return () => {}
    const limit = kind === 'mutation' ? Number.POSITIVE_INFINITY : DISCOVERY.has(procedure) ? SHED_FROM.discovery : SHED_FROM.read
    if (this.#underWay >= limit)
      throw new Refusal('overloaded', 'too many calls are under way; this one can wait', { retryAfterMs: RETRY_AFTER_MS })
    this.#underWay++
    return () => void this.#underWay--
  }
}
