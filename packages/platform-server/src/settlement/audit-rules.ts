import type { LedgerLaw } from '@agent-marketplace/protocol'

/** The whole ledger in a few numbers; amounts in micro-credits. */
export interface LedgerSums {
  readonly entries: number
  readonly activeHolds: number
  /** What active holds add up to. */
  readonly inHoldsMicro: bigint
  /** What came in from outside less what went out. */
  readonly outsideMicro: bigint
  readonly availableMicro: bigint
  readonly heldMicro: bigint
  readonly feesMicro: bigint
  /** Accounts below zero, not counting the one that stands for the outside. */
  readonly overdrawn: number
}

/** Decide which laws of the ledger its sums break. @returns none for a sound ledger. */
export function findBrokenLaws(sums: LedgerSums): LedgerLaw[] {
  const inside = sums.availableMicro + sums.heldMicro + sums.feesMicro
  const holds: Record<LedgerLaw, boolean> = {
    deposits_are_somewhere: sums.outsideMicro === inside,
    held_money_is_in_holds: sums.heldMicro === sums.inHoldsMicro,
    nothing_is_overdrawn: sums.overdrawn === 0,
  }
  return (Object.keys(holds) as LedgerLaw[]).filter((law) => !holds[law])
}
