import {
  type Balance,
  EntryId,
  formatAmount,
  type Hold,
  HoldId,
  type LedgerEntry,
  parseAmount,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import type { Caller } from '../identity/operations.ts'
import { getAgent } from '../identity/operations.ts'
import { cutPage, readCursor } from '../page.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { findHold, findHoldOf, insertHold, listHolds as listHoldRecords, updateHoldState, updatePayee } from './hold-store.ts'
import { appendEntry, findBalance, listEntries } from './ledger-store.ts'
import { availableOf, type Entry, EXTERNAL, type HoldRecord, heldOf, move, settleHold } from './rules.ts'

export { auditLedger, refuseBrokenLedger } from './audit.ts'
export { checkBalances, verifyLedger } from './verification.ts'

/**
 * Credit an agent from outside. With open deposits agents credit themselves; else operators credit others.
 *
 * @throws Refusal `forbidden`, `not_found` (no such agent).
 */
export async function deposit(
  deps: Deps,
  call: Call,
  caller: Caller,
  { amount, agentId = caller.agentId }: { amount: string; agentId?: string | undefined },
): Promise<{ entryId: string } & Balance> {
  const isSelfService = agentId === caller.agentId && deps.config.deposits === 'open'
  if (!isSelfService && caller.role !== 'operator') throw new Refusal('forbidden', 'only an operator may credit this account')
  const amountMicro = parseAmount(amount) ?? 0n
  return once(deps, call, { amount, agentId }, async (tx) => {
    await getAgent(tx, agentId)
    const entryId = deps.newId('ent')
    const postings = [move(EXTERNAL, availableOf(agentId), amountMicro)]
    await append(tx, { entryId, kind: 'deposit', actor: caller.agentId, atMs: deps.now(), postings })
    await appendEvents(deps, tx, [agentId], { kind: 'deposit.credited', entryId, amountMicro })
    return { entryId, ...(await balanceOf(tx, agentId)) }
  })
}

export function getBalance(deps: Deps, agentId: string): Promise<Balance> {
  return deps.db.read((reader) => balanceOf(reader, agentId))
}

async function balanceOf(reader: Reader, agentId: string): Promise<Balance> {
  const available = await findBalance(reader, availableOf(agentId))
  const held = await findBalance(reader, heldOf(agentId))
  return { available: formatAmount(available), held: formatAmount(held) }
}

/** What is set aside for an assignment. */
export interface Funding {
  readonly assignmentId: string
  readonly taskId: string
  readonly payerId: string
  /** Absent for an open offer: whoever claims it. */
  readonly payeeId: string | undefined
  readonly amountMicro: bigint
  readonly feeBps: number
}

/**
 * Set money aside for an assignment.
 *
 * @throws Refusal `insufficient_funds`, `already_exists` (it has an active hold); the transaction then changes nothing.
 */
export async function makeHold(deps: Deps, tx: Tx, { taskId, ...funding }: Funding): Promise<HoldRecord> {
  const hold: HoldRecord = { ...funding, holdId: deps.newId('hold'), state: 'active', madeAtMs: deps.now() }
  const { holdId, assignmentId, payerId, payeeId, amountMicro } = hold
  if (!(await insertHold(tx, hold))) throw new Refusal('already_exists', 'the assignment is funded already')
  const postings = [move(availableOf(payerId), heldOf(payerId), amountMicro)]
  await append(tx, { entryId: deps.newId('ent'), kind: 'hold', holdId, assignmentId, actor: payerId, atMs: deps.now(), postings })
  await appendEvents(deps, tx, [payerId, payeeId], { kind: 'hold.made', taskId, assignmentId, holdId, amountMicro })
  return hold
}

/** An open offer was claimed: its hold, if it has one, has a payee from now on. */
export async function namePayee(
  deps: Deps,
  tx: Tx,
  { assignmentId, taskId, payeeId }: { assignmentId: string; taskId: string; payeeId: string },
): Promise<void> {
  const hold = await findHoldOf(tx, assignmentId)
  if (!hold || !(await updatePayee(tx, hold.holdId, payeeId))) return
  const { holdId, amountMicro } = hold
  await appendEvents(deps, tx, [payeeId], { kind: 'hold.made', taskId, assignmentId, holdId, amountMicro })
}

/**
 * End the active hold of an assignment, if it has one: all of it to the payee less the fee, or all of it back.
 *
 * @throws Refusal `already_settled` if another transaction ended it first.
 */
export async function settle(
  deps: Deps,
  tx: Tx,
  { assignmentId, taskId, earned, actor }: { assignmentId: string; taskId: string; earned: boolean; actor: string },
): Promise<void> {
  const hold = await findHoldOf(tx, assignmentId)
  if (hold?.state !== 'active') return
  const { holdId, payerId, payeeId, amountMicro } = hold
  const settlement = settleHold(hold, earned ? amountMicro : 0n)
  const state = earned ? 'captured' : 'released'
  if (!(await updateHoldState(tx, holdId, state))) throw new Refusal('already_settled', 'the hold has ended')
  await append(tx, { ...settlement, entryId: deps.newId('ent'), holdId, assignmentId, actor, atMs: deps.now() })
  await appendEvents(deps, tx, [payerId, payeeId], { kind: `hold.${state}`, taskId, assignmentId, holdId, amountMicro })
}

async function append(tx: Tx, entry: Entry): Promise<void> {
  const result = await appendEntry(tx, entry)
  if (result === 'settled') throw new Refusal('already_settled', 'the hold has ended')
  if (result === 'overflow') throw new Refusal('capacity_exceeded', 'the account cannot hold that much')
  if (result === 'short')
    throw new Refusal('insufficient_funds', 'the available balance is too low', { hint: 'deposit credits first' })
}

/** @throws Refusal `not_found` for a hold the agent has no part in. */
export async function getHold(reader: Reader, agentId: string, holdId: string): Promise<HoldRecord> {
  const hold = await findHold(reader, holdId)
  if (!hold || (hold.payerId !== agentId && hold.payeeId !== agentId)) throw notFound('hold')
  return hold
}

/** @returns the newest hold of an assignment, if it ever had one. */
export function findHoldOfAssignment(reader: Reader, assignmentId: string): Promise<HoldRecord | undefined> {
  return findHoldOf(reader, assignmentId)
}

export async function listHolds(
  deps: Deps,
  agentId: string,
  { assignmentId, limit, cursor }: { assignmentId?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<{ holds: Hold[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([HoldId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listHoldRecords(reader, { agentId, assignmentId, before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.holdId])
  return { holds: items.map(holdOf), ...next }
}

export async function listLedger(
  deps: Deps,
  agentId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ entries: LedgerEntry[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([EntryId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listEntries(reader, { agentId, before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.entryId])
  return { entries: items.map(entryOf), ...next }
}

/** A hold as the wire shows it. */
export function holdOf({ amountMicro, feeBps: _, ...hold }: HoldRecord): Hold {
  return { ...hold, amount: formatAmount(amountMicro) }
}

function entryOf({ entryId, kind, holdId, assignmentId, atMs, postings }: Entry): LedgerEntry {
  return {
    entryId,
    kind,
    holdId,
    assignmentId,
    atMs,
    postings: postings.map(({ from, to, amountMicro }) => ({ from, to, amount: formatAmount(amountMicro) })),
  }
}
