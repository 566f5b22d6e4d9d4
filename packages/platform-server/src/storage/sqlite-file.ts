import { existsSync, readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Migration } from './database.ts'
import { StorageUnusable } from './open-error.ts'

export interface SqliteFile {
  readonly path: string
  /** What the file is, in its header: a file of another kind is never opened. */
  readonly applicationId: number
  readonly migrations: readonly Migration[]
  /** Whether a missing file may be made. Where data was expected, it may not. */
  readonly create: boolean
}

const BUSY_TIMEOUT_MS = 5_000
const MAGIC = 'SQLite format 3\u0000'

/**
 * Bring a database file to the schema of this code, alone: a lock that dies with the process keeps every other process out.
 * The file is looked at before anything is written to it.
 *
 * @returns the lock; disposing of it lets others in.
 * @throws StorageUnusable with one line for the operator; the bytes are as they were.
 */
export function openSqliteFile(file: SqliteFile): { lock: Disposable } {
  const isNew = isEmpty(file.path)
  if (isNew && !file.create)
    throw new StorageUnusable(`${file.path}: no database where one was expected; start with --init to make a new one`)
  if (!isNew) refuseForeign(file)
  const lock = lockFile(file.path)
  try {
    if (!isNew) refuseUnusable(file)
    migrate(file, isNew)
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
  return { lock }
}

/** Missing, of no length, or left without a schema by a process that died while making it. */
function isEmpty(path: string): boolean {
  if (!existsSync(path) || statSync(path).size === 0) return true
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    const tables = database.prepare('SELECT 1 FROM sqlite_master').get()
    const version = database.prepare('PRAGMA user_version').get()
    const kind = database.prepare('PRAGMA application_id').get()
    database.close()
    return !tables && version?.user_version === 0 && kind?.application_id === 0
  } catch {
    return false
  }
}

function refuseForeign({ path }: SqliteFile): void {
  const header = readFileSync(path).subarray(0, MAGIC.length).toString('latin1')
  if (header !== MAGIC) throw new StorageUnusable(`${path}: not a database of this program`)
}

/** Look at the file read-only: kind, version, integrity. */
function refuseUnusable({ path, applicationId, migrations }: SqliteFile): void {
  const newest = migrations.length
  let problem: string | undefined
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    const version = Number(pragma('user_version'))
    if (Number(pragma('application_id')) !== applicationId) problem = 'not a database of this program'
    else if (version > newest) problem = `written by a newer version (schema ${version}, this program knows ${newest})`
    else if (version < 1) problem = 'it has no schema'
    else if (pragma('quick_check') !== 'ok') problem = 'damaged: restore a backup'
    database.close()
  } catch (error) {
    problem = `damaged: ${error instanceof Error ? error.message : 'unreadable'}; restore a backup`
  }
  if (problem) throw new StorageUnusable(`${path}: ${problem}`)
}

/** Hold an exclusive lock on a file beside the database. The operating system gives it back when the process ends, however it ends. */
function lockFile(path: string): Disposable {
  const holder = new DatabaseSync(`${path}.lock`, { timeout: 0 })
  try {
    holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    holder.close()
    throw new StorageUnusable(`${path}: in use by another process`)
  }
  return { [Symbol.dispose]: () => holder.close() }
}

function migrate({ path, applicationId, migrations }: SqliteFile, isNew: boolean): void {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    if (isNew) database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    const current = Number(Object.values(database.prepare('PRAGMA user_version').get() ?? {})[0])
    for (const migration of migrations.slice(current)) {
      database.exec(
        `BEGIN IMMEDIATE; ${migration.sql}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migration.version}; COMMIT`,
      )
    }
  } finally {
    database.close()
  }
}
