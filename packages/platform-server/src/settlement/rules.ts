import assert from 'node:assert/strict'
import { BASIS_POINTS, type EntryKind } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** `available:ID`, `held:ID`, `fees` or `external`. */
export type Account = `available:${string}` | `held:${string}` | 'fees' | 'external'

export interface Posting {
  readonly from: Account
  readonly to: Account
  readonly amountMicro: bigint
}

export interface HoldRecord {
  readonly holdId: string
  readonly assignmentId: string
  readonly payerId: string
  /** Absent while the assignment is an open offer: whoever claims it becomes the payee. */
  readonly payeeId: string | undefined
  readonly amountMicro: bigint
  readonly feeBps: number
  readonly state: 'active' | 'captured' | 'released'
  readonly madeAtMs: number
}

/** One immutable record of money that moved. */
export interface Entry {
  readonly entryId: string
  readonly kind: EntryKind
  readonly holdId?: string
  /** The hold that this entry ends, if it ends one. */
  readonly settles?: string
  readonly assignmentId?: string
  readonly actor: string
  readonly atMs: number
  readonly postings: readonly Posting[]
}

/** How a hold ends. */
export interface Settlement {
  readonly settles: string
  readonly kind: Extract<EntryKind, 'capture' | 'release'>
  readonly postings: Posting[]
}

export const FEES = 'fees'
export const EXTERNAL = 'external'
export const availableOf = (agentId: string): Account => `available:${agentId}`
export const heldOf = (agentId: string): Account => `held:${agentId}`

/** One posting. */
export function move(from: Account, to: Account, amountMicro: bigint): Posting {
  return { from, to, amountMicro }
}

/**
 * Decide how a hold ends. Pure: no clock, no database.
 *
 * @param hold - A hold, loaded in this transaction.
 * @param earnedMicro - What the payee earns before the fee, `0n ≤ earned ≤ hold.amountMicro`; `0n` gives all of it back, and is all there is without a payee.
 * @returns One entry whose postings empty the hold exactly: captured + fee + released = amount.
 * @throws Refusal `already_settled` if the hold is not active.
 */
export function settleHold(hold: HoldRecord, earnedMicro: bigint): Settlement {
  if (hold.state !== 'active') throw new Refusal('already_settled', `the hold is ${hold.state}`)
  assert(earnedMicro >= 0n && earnedMicro <= hold.amountMicro, 'earned within the hold')

  assert(earnedMicro === 0n || hold.payeeId !== undefined, 'somebody earns it')

  const feeMicro = (earnedMicro * BigInt(hold.feeBps)) / BigInt(BASIS_POINTS)
  const postings = [
    move(heldOf(hold.payerId), availableOf(hold.payeeId ?? hold.payerId), earnedMicro - feeMicro),
    move(heldOf(hold.payerId), FEES, feeMicro),
    move(heldOf(hold.payerId), availableOf(hold.payerId), hold.amountMicro - earnedMicro),
  ]
  return {
    settles: hold.holdId,
    kind: earnedMicro > 0n ? 'capture' : 'release',
    postings: postings.filter((each) => each.amountMicro > 0n),
  }
}

/** @returns the agents whose accounts an entry touches, each once. */
export function partiesOf(postings: readonly Posting[]): string[] {
  const owners = postings.flatMap(({ from, to }) => [from, to]).map((account) => account.split(':')[1])
  return [...new Set(owners.filter((owner) => owner !== undefined))]
}
