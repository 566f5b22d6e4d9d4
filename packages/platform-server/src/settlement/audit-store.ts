import type { Reader } from '../storage/database.ts'
import { integer, micro } from '../storage/row.ts'
import type { LedgerSums } from './audit-rules.ts'

const sumOf = (amounts: string) => `coalesce((SELECT CAST(sum(${amounts}) AS BIGINT)`

/** Counts and sums over all accounts, active holds and chains, read together. */
export async function findLedgerSums(reader: Reader): Promise<LedgerSums> {
  const row = await reader.get(
    `SELECT ${sumOf('seq')} FROM ledger_heads), 0) AS entries,
       (SELECT count(*) FROM holds WHERE state = 'active') AS active_holds,
       ${sumOf('amount_micro')} FROM holds WHERE state = 'active'), 0) AS in_holds,
       ${sumOf('balance_micro')} FROM accounts WHERE account = 'external'), 0) AS external,
       ${sumOf('balance_micro')} FROM accounts WHERE account LIKE 'available:%'), 0) AS available,
       ${sumOf('balance_micro')} FROM accounts WHERE account LIKE 'held:%'), 0) AS held,
       ${sumOf('balance_micro')} FROM accounts WHERE account = 'fees'), 0) AS fees,
       (SELECT count(*) FROM accounts WHERE balance_micro < 0 AND account <> 'external') AS overdrawn`,
  )
  if (!row) throw new Error('a query without FROM has one row')
  return {
    entries: integer(row, 'entries'),
    activeHolds: integer(row, 'active_holds'),
    inHoldsMicro: micro(row, 'in_holds'),
    outsideMicro: -micro(row, 'external'),
    availableMicro: micro(row, 'available'),
    heldMicro: micro(row, 'held'),
    feesMicro: micro(row, 'fees'),
    overdrawn: integer(row, 'overdrawn'),
  }
}
