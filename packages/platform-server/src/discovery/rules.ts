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
