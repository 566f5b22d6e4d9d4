import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { CliError, localState } from '../agent/cli-error.ts'
import { ensurePrivateDirectory, ensurePrivateFile } from './files.ts'
import { resultCode, SQLITE_BUSY } from './sqlite-code.ts'
import { VAULT_VERSION, vaultMigrations } from './vault-schema.ts'

export const VAULT_FILE = 'vault.sqlite'

/** How long one process waits for the write lock of another, ms. */
const BUSY_MS = 5_000
const ASK_AGAIN_MS = 10

export type SqlValue = SQLInputValue

/**
 * Everything private of one profile that is not a key file: pins, prekeys, pending keys, inbox, outbox. One SQLite file that several
 * processes share. Synchronous; statements are prepared once. Integers come back as numbers, blobs as Uint8Array.
 */
export interface Vault {
  run(sql: string, ...values: SqlValue[]): { changes: number }
  /** As `run`, outside of a transaction, without waiting for the disk: a kill leaves it done, a power cut may undo it. For what can be found out again. */
  note(sql: string, ...values: SqlValue[]): void
  /** The first row, or `undefined`. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined
  all<Row>(sql: string, ...values: SqlValue[]): Row[]
  /** All or nothing, durable when it returns, one writer at a time. The function is synchronous and must not open another. */
  transaction<T>(action: () => T): T
  close(): void
}

/**
 * Open the vault of a profile, making or migrating it.
 *
 * @param directory - The profile's directory; made (0700) when it is missing.
 * @throws CliError `local_state` if the file is exposed, damaged, locked for longer than 5 s, or written by a newer version.
 */
export function openVault(directory: string): Vault {
  ensurePrivateDirectory(directory)
  const path = join(directory, VAULT_FILE)
  ensurePrivateFile(path)
  const db = guard(path, () => connect(path))
  const statements = new Map<string, StatementSync>()
  let inTransaction = false

  const prepare = (sql: string) => {
    const known = statements.get(sql)
    if (known) return known
    const statement = db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  const run: Vault['run'] = (sql, ...values) => guard(path, () => ({ changes: Number(prepare(sql).run(...values).changes) }))

  return {
    run,
    note(sql, ...values) {
      db.exec('PRAGMA synchronous = NORMAL')
      try {
        run(sql, ...values)
      } finally {
        db.exec('PRAGMA synchronous = FULL')
      }
    },
    get: <Row>(sql: string, ...values: SqlValue[]) => guard(path, () => prepare(sql).get(...values)) as Row | undefined,
    all: <Row>(sql: string, ...values: SqlValue[]) => guard(path, () => prepare(sql).all(...values)) as Row[],
    transaction(action) {
      if (inTransaction) throw new Error('a vault transaction is already open')
      guard(path, () => db.exec('BEGIN IMMEDIATE'))
      inTransaction = true
      try {
        const result = action()
        guard(path, () => db.exec('COMMIT'))
        return result
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      } finally {
        inTransaction = false
      }
    },
    close: () => db.close(),
  }
}

/** The vault of a profile that has one; nothing is made. */
export function findVault(directory: string): Vault | undefined {
  return existsSync(join(directory, VAULT_FILE)) ? openVault(directory) : undefined
}

function connect(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
    useWriteAheadLog(db)
    db.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON')
    if (versionOf(db) !== VAULT_VERSION) migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Of several processes that make the same file, SQLite refuses this to all but one without waiting: they ask again. */
function useWriteAheadLog(db: DatabaseSync): void {
  const deadline = performance.now() + BUSY_MS
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (resultCode(error) !== SQLITE_BUSY || performance.now() >= deadline) throw error
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ASK_AGAIN_MS)
  }
}

function migrate(db: DatabaseSync, path: string): void {
  db.exec('BEGIN IMMEDIATE')
  // Read again: another process may have migrated while this one waited for the lock.
  const version = versionOf(db)
  if (version > VAULT_VERSION) throw localState(`${path} was written by a newer version of this program (${version})`)
  for (const statements of vaultMigrations.slice(version)) for (const sql of statements) db.exec(sql)
  db.exec(`PRAGMA user_version = ${VAULT_VERSION}; COMMIT`)
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version)
}

/** Result codes of SQLite that say something about this machine; anything else is a bug of ours. */
const REASONS: Readonly<Record<number, string>> = {
  [SQLITE_BUSY]: 'another process holds it',
  6: 'another process holds it',
  8: 'it cannot be written',
  10: 'the disk reports an error',
  11: 'it is damaged',
  13: 'the disk is full',
  14: 'it cannot be opened',
  26: 'it is not a vault',
}

function guard<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof CliError) throw error
    const code = resultCode(error)
    const reason = code === undefined ? undefined : REASONS[code]
    throw reason === undefined ? error : localState(`cannot use ${path}: ${reason}`, { cause: error })
  }
}
