import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reader } from './database.ts'
import { syncDirectory } from './instance-file.ts'
import { StorageUnusable } from './open-error.ts'
import { type Connection, openConnection, runSql } from './sqlite-connection.ts'
import { explainFile } from './sqlite-fault.ts'
import { refuseForeign, refuseUnusable, type SqliteFile } from './sqlite-file.ts'
import { SqliteTx } from './sqlite-tx.ts'

/** A look at a database file that changes nothing and takes no lock: it may run beside the server that has the file. */
export interface Inspection extends Disposable {
  readonly schema: number
  /** One view of committed state, the same for every read. */
  readonly reader: Reader
  /** @throws StorageUnusable, naming a table with a reference that leads nowhere. */
  checkReferences(): void
  /** Write a whole and durable copy to a path that does not exist. The server goes on writing meanwhile; the copy is of one moment. */
  copyTo(path: string): void
}

/**
 * Look at a database file, having checked its kind, its pages and its installation as at a start.
 *
 * @throws StorageUnusable for a file that is missing or cannot be used by this version.
 */
export function inspectSqlite(file: SqliteFile): Inspection {
  const { path, migrations } = file
  if (!existsSync(path)) throw new StorageUnusable(`${path}: no database where one was expected`)
  refuseForeign(file)
  const schema = refuseUnusable(file)
  if (schema < migrations.length)
    throw new StorageUnusable(
      `${path}: written by an older version (schema ${schema}, this program needs ${migrations.length}); migrate it`,
    )
  const connection = openConnection(path, { readOnly: true })
  runSql(connection, 'BEGIN')
  return {
    schema,
    reader: new SqliteTx(connection),
    checkReferences: () => checkReferences(path, connection),
    copyTo: (copy) => copyTo(path, copy),
    [Symbol.dispose]: () => connection.close(),
  }
}

function checkReferences(path: string, connection: Connection): void {
  const [fault] = connection.all('PRAGMA foreign_key_check', [])
  if (fault)
    throw new StorageUnusable(`${path}: table ${String(fault.table)} refers to a row that is not there; restore a backup`)
}

/** SQLite does not sync what it writes with VACUUM INTO, and leaves a part of it behind when it is stopped: so it is synced here and named last. */
function copyTo(path: string, copy: string): void {
  const unfinished = `${copy}.new`
  rmSync(unfinished, { force: true })
  const connection = openConnection(path, { readOnly: true })
  try {
    connection.run('VACUUM INTO $1', [unfinished])
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw explainFile(copy, error)
  } finally {
    connection.close()
  }
  chmodSync(unfinished, 0o600)
  const file = openSync(unfinished, 'r+')
  fsyncSync(file)
  closeSync(file)
  renameSync(unfinished, copy)
  syncDirectory(dirname(copy))
}
