import type { Reader } from '../storage/database.ts'
import { findBalanceFault, findHeldFault } from './balance-store.ts'
import { type ChainedEntry, findChainFault } from './chain-rules.ts'
import { findBrokenHead, listChained } from './ledger-store.ts'

/** Entries looked at together: memory stays the same however long the ledger is. */
const BATCH = 500

/** What a look at the whole ledger found. */
export interface LedgerCheck {
  /** How many entries were read. */
  readonly entries: number
  /** What is wrong, the first thing found, in words for the operator; absent if nothing is. */
  readonly fault?: string
}

/**
 * Read the whole ledger and check that nobody changed it: every chain is without gaps, every hash fits, every chain ends where its head says,
 * and balances and holds are what the postings add up to. Writes nothing.
 *
 * Not promised: whoever may write to the database can also compute a whole new ledger; compare heads with ones that were written down elsewhere.
 */
export async function verifyLedger(reader: Reader): Promise<LedgerCheck> {
  let entries = 0
  let before: ChainedEntry | undefined
  for (;;) {
    const batch = await listChained(reader, before, BATCH)
    for (const next of batch) {
      const fault = findChainFault(before, next)
      if (fault) return { entries, fault }
      before = next
      entries++
    }
    if (batch.length < BATCH) break
  }
  const chain = await findBrokenHead(reader)
  const fault = chain === undefined ? await checkBalances(reader) : `chain ${chain}: it does not end where it did`
  return { entries, ...(fault && { fault }) }
}

/**
 * Check that every balance is the sum of its postings and that what is held is what active holds add up to. Writes nothing.
 *
 * @returns what is wrong, the first thing found; `undefined` if nothing is.
 */
export async function checkBalances(reader: Reader): Promise<string | undefined> {
  const account = await findBalanceFault(reader)
  if (account !== undefined) return `account ${account}: its balance is not the sum of its postings`
  const payer = await findHeldFault(reader)
  return payer === undefined ? undefined : `account held:${payer}: it is not the sum of active holds`
}
