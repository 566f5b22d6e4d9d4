import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from './database.ts'
import { readInstanceFile, removeInstanceFile } from './instance-file.ts'
import { readMigrations } from './migrate.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { type Inspection, inspectSqlite } from './sqlite-inspection.ts'

/** "AMkt", in the header of every database file of the control plane. */
const APPLICATION_ID = 0x414d6b74
export const CONTROL_FILE = 'platform.sqlite'
const MIGRATIONS = join(import.meta.dirname, 'migrations')

export interface ControlStorage {
  /** Where the embedded database lies. */
  readonly directory: string
  /** Whether a missing file may be made. */
  readonly create: boolean
  /** A `postgres://` address; without it the embedded engine is used. */
  readonly database?: string | undefined
  /** For PostgreSQL: look and do not touch. The embedded engine is looked at with `inspectControlDatabase`. */
  readonly readOnly?: boolean
}

/**
 * Open the control plane's database on the engine that is asked for.
 *
 * @throws StorageUnusable when it cannot be used as it stands.
 */
export async function openControlDatabase({ directory, create, database, readOnly = false }: ControlStorage): Promise<Database> {
  if (database) return openPostgres({ url: database, migrations: readMigrations(MIGRATIONS, 'postgres'), readOnly })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = controlFile(directory)
  if (create && !existsSync(file.path)) removeInstanceFile(directory)
  return openSqlite({ ...file, create, instanceId: readInstanceFile(directory) })
}

/** Look at the embedded database without changing it, also while a server has it open. @throws StorageUnusable */
export function inspectControlDatabase(directory: string): Inspection {
  return inspectSqlite({ ...controlFile(directory), create: false, instanceId: readInstanceFile(directory) })
}

function controlFile(directory: string): Pick<SqliteFile, 'path' | 'applicationId' | 'migrations'> {
  return {
    path: join(directory, CONTROL_FILE),
    applicationId: APPLICATION_ID,
    migrations: readMigrations(MIGRATIONS, 'sqlite'),
  }
}
