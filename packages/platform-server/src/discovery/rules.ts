import { BASIS_POINTS } from '@agent-marketplace/protocol'

/** How much of an agent's decided work passed. */
export interface Record {
  readonly passed: number
  readonly failed: number
}

/** @returns the share of decided work that passed, in basis points; `undefined` until some was decided. */
export function reputationOf({ passed, failed }: Record): number | undefined {
  const decided = passed + failed
  return decided === 0 ? undefined : Math.floor((passed * BASIS_POINTS) / decided)
}

/**
 * The lowest rank that an agent of a reputation can have. A rank counts one success and one failure more than there were, so that it lies between the
 * reputation and a half, and above a half already with a single piece of work that passed.
 *
 * @param minReputation - Basis points.
 * @returns basis points; at 0.6 and above newcomers, who are at a half and of whom there may be many, lie below it.
 */
export function lowestRankOf(minReputation: number): number {
  const half = BASIS_POINTS / 2
  if (minReputation <= half) return minReputation
  return Math.floor((minReputation + BASIS_POINTS) / 3)
}
