import { formatAmount, type LedgerAudit } from '@agent-marketplace/protocol'
import type { Database, Reader } from '../storage/database.ts'
import { StorageUnusable } from '../storage/open-error.ts'
import { findBrokenLaws } from './audit-rules.ts'
import { findLedgerSums } from './audit-store.ts'

/** Add up balances and holds and say which laws they break. Cheap enough for a running server; `verifyLedger` looks at every entry. */
export async function auditLedger(reader: Reader): Promise<LedgerAudit> {
  const sums = await findLedgerSums(reader)
  // A sum below zero is a broken law already, and has no spelling on the wire.
  const amount = (micro: bigint) => formatAmount(micro < 0n ? 0n : micro)
  return {
    entries: sums.entries,
    activeHolds: sums.activeHolds,
    outside: amount(sums.outsideMicro),
    available: amount(sums.availableMicro),
    held: amount(sums.heldMicro),
    fees: amount(sums.feesMicro),
    broken: findBrokenLaws(sums),
  }
}

/** Refuse to work with a ledger whose sums do not fit. @throws StorageUnusable with one line for the operator. */
export async function refuseBrokenLedger(db: Pick<Database, 'read'>): Promise<void> {
  const { broken } = await db.read(auditLedger)
  if (broken.length > 0)
    throw new StorageUnusable(`the ledger is damaged (${broken.join(', ').replaceAll('_', ' ')}): restore a backup`)
}
