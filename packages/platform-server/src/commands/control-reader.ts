import type { Config } from '../config.ts'
import type { Reader } from '../storage/database.ts'
import { inspectControlDatabase, openControlDatabase } from '../storage/open.ts'
import { checkPostgres } from '../storage/postgres-inspection.ts'

/**
 * Read the control plane's data as it is, also while a server works on it.
 *
 * @param work - Is also given the check of what lies below the ledger: pages, references, guards.
 * @throws StorageUnusable, and what `work` throws.
 */
export async function readControlData<T>(
  { dataDirectory, database }: Config,
  work: (reader: Reader, checkPages: () => Promise<void>) => Promise<T>,
): Promise<T> {
  if (database) {
    const db = await openControlDatabase({ directory: dataDirectory, create: false, database, readOnly: true })
    try {
      return await db.read((reader) => work(reader, () => checkPostgres(reader)))
    } finally {
      await db.close()
    }
  }
  using inspection = inspectControlDatabase(dataDirectory)
  return await work(inspection.reader, async () => inspection.checkReferences())
}
