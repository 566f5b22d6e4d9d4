import type { Config } from '../config.ts'
import type { Reader } from '../storage/database.ts'
import { inspectControlDatabase, openControlDatabase } from '../storage/open.ts'

/**
 * Read the control plane's data as it is, also while a server works on it.
 *
 * @throws StorageUnusable, and what `work` throws.
 */
export async function readControlData<T>(
  { dataDirectory, database }: Config,
  work: (reader: Reader, checkReferences: () => void) => Promise<T>,
): Promise<T> {
  if (database) {
    const db = await openControlDatabase({ directory: dataDirectory, create: false, database, readOnly: true })
    try {
      // This engine keeps references itself.
      return await db.read((reader) => work(reader, () => {}))
    } finally {
      await db.close()
    }
  }
  using inspection = inspectControlDatabase(dataDirectory)
  return await work(inspection.reader, inspection.checkReferences)
}
