import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from './database.ts'
import { readMigrations } from './migrate.ts'
import { openSqlite } from './sqlite.ts'

/** "AMkt", in the header of every database file of the control plane. */
const APPLICATION_ID = 0x414d6b74
const FILE = 'platform.sqlite'

/**
 * Open the control plane's embedded database in its directory.
 *
 * @param create - Whether a missing file may be made.
 * @throws StorageUnusable when the file cannot be used as it stands.
 */
export function openControlDatabase({ directory, create }: { directory: string; create: boolean }): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const migrations = readMigrations(join(import.meta.dirname, 'migrations'))
  return openSqlite({ path: join(directory, FILE), applicationId: APPLICATION_ID, migrations, create })
}
