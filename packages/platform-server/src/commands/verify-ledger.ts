import type { Config } from '../config.ts'
import { verifyLedger } from '../settlement/operations.ts'
import { StorageUnusable } from '../storage/open-error.ts'
import { readControlData } from './control-reader.ts'

/**
 * Read every entry of the ledger and check its hash, its place and its sums. Changes nothing.
 *
 * @returns one line for the operator.
 * @throws StorageUnusable with the first thing that is wrong.
 */
export function verifyLedgerOf(config: Config): Promise<string> {
  return readControlData(config, async (reader) => {
    const { entries, fault } = await verifyLedger(reader)
    if (fault !== undefined) throw new StorageUnusable(`the ledger was changed (${fault})`)
    return `ledger: sound, ${entries} entries`
  })
}
