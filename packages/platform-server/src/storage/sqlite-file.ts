import { closeSync, existsSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Migration } from './database.ts'
import { INSTANCE_FILE, syncDirectory } from './instance-file.ts'
import { StorageUnusable } from './open-error.ts'
import { explainFile, isBusy } from './sqlite-fault.ts'

export interface SqliteFile {
  readonly path: string
  /** What the file is, in its header: a file of another kind is never opened. */
  readonly applicationId: number
  readonly migrations: readonly Migration[]
  /** Whether a missing file may be made. Where data was expected, it may not. */
  readonly create: boolean
  /** The installation that the file must belong to, where that is known. */
  readonly instanceId?: string | undefined
}

const BUSY_TIMEOUT_MS = 5_000
const MAGIC = 'SQLite format 3\u0000'

/**
 * Bring a database file to the schema of this code, alone: a lock that dies with the process keeps every other process out.
 * The file is looked at before anything is written to it.
 *
 * @returns the lock; disposing of it lets others in.
 * @throws StorageUnusable or StorageFailed with one line for the operator; the bytes are as they were.
 */
export function openSqliteFile(file: SqliteFile): { lock: Disposable } {
  if (existsSync(file.path)) refuseForeign(file)
  else if (!file.create)
    throw new StorageUnusable(`${file.path}: no database where one was expected; start with --init to make a new one`)
  const lock = lockFile(file.path)
  try {
    if (existsSync(file.path)) {
      refuseUnusable(file)
      migrate(file.path, file)
    } else makeFile(file)
  } catch (error) {
    lock[Symbol.dispose]()
    throw explainFile(file.path, error)
  }
  return { lock }
}

/** @returns whether a file in a data directory is a lock, or was left behind by a process that died while it made a database. */
export function isLeftover(name: string): boolean {
  return /[.](?:lock|new)(?:-journal|-wal|-shm)?$/.test(name)
}

/** A new file gets its name only when it is whole and on the disk: a process that dies before leaves nothing that looks like a database. */
function makeFile(file: SqliteFile): void {
  const unfinished = `${file.path}.new`
  for (const part of ['', '-journal', '-wal', '-shm']) rmSync(`${unfinished}${part}`, { force: true })
  migrate(unfinished, file)
  renameSync(unfinished, file.path)
  syncDirectory(dirname(file.path))
}

/** @throws StorageUnusable for a file that is no SQLite database. */
export function refuseForeign({ path }: SqliteFile): void {
  const header = Buffer.alloc(MAGIC.length)
  try {
    const descriptor = openSync(path, 'r')
    readSync(descriptor, header)
    closeSync(descriptor)
  } catch (error) {
    throw new StorageUnusable(`${path}: cannot be read: ${messageOf(error)}`)
  }
  if (header.toString('latin1') !== MAGIC) throw new StorageUnusable(`${path}: not a database of this program`)
}

/**
 * Look at the file read-only: kind, version, integrity, installation.
 *
 * @returns the number of its schema.
 * @throws StorageUnusable
 */
export function refuseUnusable({ path, applicationId, migrations, instanceId }: SqliteFile): number {
  const newest = migrations.length
  let problem: string | undefined
  let version = 0
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    version = Number(pragma('user_version'))
    if (Number(pragma('application_id')) !== applicationId) problem = 'not a database of this program'
    else if (version > newest) problem = `written by a newer version (schema ${version}, this program knows ${newest})`
    else if (version < 1) problem = 'it has no schema'
    else if (pragma('quick_check') !== 'ok') problem = 'damaged: restore a backup'
    else if (instanceId !== undefined && instanceId !== instanceIdOf(database))
      problem = `of another installation than its directory (see ${INSTANCE_FILE} there)`
    database.close()
  } catch (error) {
    const explained = explainFile(path, error)
    if (explained !== error) throw explained
    problem = `damaged: ${messageOf(error)}; restore a backup`
  }
  if (problem) throw new StorageUnusable(`${path}: ${problem}`)
  return version
}

function instanceIdOf(database: DatabaseSync): string | undefined {
  const row = database.prepare('SELECT instance_id FROM installation').get()
  return row && Buffer.from(row.instance_id as Uint8Array).toString('base64url')
}

/** Hold an exclusive lock on a file beside the database. The operating system gives it back when the process ends, however it ends. */
function lockFile(path: string): Disposable {
  const lock = `${path}.lock`
  let holder: DatabaseSync | undefined
  try {
    holder = new DatabaseSync(lock, { timeout: 0 })
    holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    holder?.close()
    throw isBusy(error) ? new StorageUnusable(`${path}: in use by another process`) : explainFile(lock, error)
  }
  return { [Symbol.dispose]: () => holder?.close() }
}

/** Each migration commits with its number, or not at all. */
function migrate(path: string, { applicationId, migrations }: SqliteFile): void {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unreadable'
}
