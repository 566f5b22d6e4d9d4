import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Row, Value } from './database.ts'

/** Milliseconds to wait for a lock that a checkpoint or a backup holds. */
const BUSY_TIMEOUT_MS = 5_000

interface Prepared {
  readonly statement: StatementSync
  /** For every `?` of the statement, the index of its `$n` among the caller's parameters. */
  readonly order: readonly number[]
}

/** One connection of `node:sqlite` that understands `$1`-style parameters and keeps its prepared statements. */
export class Connection {
  readonly #handle: DatabaseSync
  readonly #prepared = new Map<string, Prepared>()

  constructor(handle: DatabaseSync) {
    this.#handle = handle
  }

  all(sql: string, params: readonly Value[]): Row[] {
    const { statement, order } = this.#prepare(sql)
    return statement.all(...bind(order, params)) as Row[]
  }

  get(sql: string, params: readonly Value[]): Row | undefined {
    const { statement, order } = this.#prepare(sql)
    return statement.get(...bind(order, params)) as Row | undefined
  }

  run(sql: string, params: readonly Value[]): number {
    const { statement, order } = this.#prepare(sql)
    return Number(statement.run(...bind(order, params)).changes)
  }

  exec(sql: string): void {
    this.#handle.exec(sql)
  }

  get isTransaction(): boolean {
    return this.#handle.isTransaction
  }

  close(): void {
    this.#prepared.clear()
    this.#handle.close()
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known) return known
    const order: number[] = []
    const positional = sql.replace(/\$([0-9]+)/g, (_, index: string) => {
      order.push(Number(index) - 1)
      return '?'
    })
    const statement = this.#handle.prepare(positional)
    statement.setReadBigInts(true)
    const prepared = { statement, order }
    this.#prepared.set(sql, prepared)
    return prepared
  }
}

/** Open a connection with the durability and the timeouts that the design promises. */
export function openConnection(path: string, { readOnly = false } = {}): Connection {
  const handle = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  const connection = new Connection(handle)
  if (!readOnly) connection.exec('PRAGMA journal_mode = WAL')
  connection.exec('PRAGMA synchronous = FULL')
  // Elsewhere a sync reaches the disk; on macOS only this one does.
  connection.exec('PRAGMA fullfsync = ON')
  connection.exec('PRAGMA cache_size = -65536')
  return connection
}

/** Run a statement that returns nothing and takes no parameters, such as COMMIT. */
export function runSql(connection: Connection, sql: string): void {
  connection.run(sql, [])
}

export function inTransaction(connection: Connection): boolean {
  return connection.isTransaction
}

function bind(order: readonly number[], params: readonly Value[]): Value[] {
  return order.map((index) => {
    const value = params[index]
    if (value === undefined) throw new Error(`parameter $${index + 1} is missing`)
    return value
  })
}
