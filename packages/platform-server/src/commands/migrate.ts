import type { Config } from '../config.ts'
import { isEmptyDirectory } from '../data-directory.ts'
import { openRelayDatabase } from '../relay-plane.ts'
import { openControlDatabase } from '../storage/open.ts'

/**
 * Bring stored data to the schema of this version without serving it. Data that is not there yet is made, as at a start.
 *
 * @returns one line for the operator.
 * @throws StorageUnusable
 */
export async function migrate(config: Config): Promise<string> {
  const { plane, init, dataDirectory: directory, database } = config
  const migrated: string[] = []
  if (plane !== 'relay') {
    const db = await openControlDatabase({ directory, create: init || isEmptyDirectory(directory), database })
    await db.close()
    migrated.push('control plane')
  }
  if (plane !== 'control') {
    await openRelayDatabase(config).close()
    migrated.push('relay')
  }
  return `${migrated.join(' and ')}: the schema is that of this version`
}
