import type { Reader } from '../storage/database.ts'
import { text } from '../storage/row.ts'

/**
 * Sums over all that ever moved may not fit an int64, though every balance does: credits and the millionths beyond them are summed apart.
 * Both sides of a comparison are normalised the same way, so a credit carried from one sum to the other makes no difference.
 */
const whole = (micro: string) => `CAST(sum(${micro} / 1000000) AS BIGINT)`
const rest = (micro: string) => `CAST(sum(${micro} % 1000000) AS BIGINT)`

/** @returns an account whose balance is not what its postings add up to, if there is one. */
export async function findBalanceFault(reader: Reader): Promise<string | undefined> {
  const row = await reader.get(
    `SELECT account FROM (
       SELECT account, ${whole('micro')} AS whole, ${rest('micro')} AS rest FROM (
         SELECT to_account AS account, amount_micro AS micro FROM ledger_postings
         UNION ALL SELECT from_account, -amount_micro FROM ledger_postings
         UNION ALL SELECT account, -balance_micro FROM accounts
       ) moved GROUP BY account
     ) total WHERE whole + rest / 1000000 <> 0 OR rest % 1000000 <> 0 ORDER BY account LIMIT 1`,
  )
  return row && text(row, 'account')
}

/** @returns a payer whose held balance is not what its active holds add up to, if there is one. */
export async function findHeldFault(reader: Reader): Promise<string | undefined> {
  const row = await reader.get(
    `SELECT payer FROM (
       SELECT payer, ${whole('micro')} AS whole, ${rest('micro')} AS rest FROM (
         SELECT payer_id AS payer, amount_micro AS micro FROM holds WHERE state = 'active'
         UNION ALL SELECT substr(account, 6), -balance_micro FROM accounts WHERE account LIKE 'held:%'
       ) held GROUP BY payer
     ) total WHERE whole + rest / 1000000 <> 0 OR rest % 1000000 <> 0 ORDER BY payer LIMIT 1`,
  )
  return row && text(row, 'payer')
}
