/**
 * The storage port. Slices write portable SQL against it once; `sqlite.ts` and `postgres.ts` stand behind it.
 *
 * Parameters are `$1`, `$2`, … in the SQL. Integers come back as `bigint`, blobs as `Uint8Array`, absent values as `null`.
 */

export type Value = string | number | bigint | Uint8Array | null
export type Row = Readonly<Record<string, Value>>

/** A consistent view of committed state. */
export interface Reader {
  /** @returns all rows. */
  all(sql: string, params?: readonly Value[]): Promise<Row[]>
  /** @returns the first row, if there is one. */
  get(sql: string, params?: readonly Value[]): Promise<Row | undefined>
}

/** One transaction. It is passed from operation to operation, never kept: using it after its end throws. */
export interface Tx extends Reader {
  /** @returns how many rows the statement changed: a guard in the statement's WHERE shows here. */
  run(sql: string, params?: readonly Value[]): Promise<number>
  /** Run an effect in this process once the transaction is durable; never if it is not. */
  onCommit(effect: () => void): void
}

export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  /** Read committed state. Throws when called inside this database's own transaction. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>
  /**
   * Do `work` in one transaction. The promise settles after the commit is durable.
   * What `work` throws rolls everything back and is thrown on. `work` may run more than once (PostgreSQL retries conflicts), so it has no effects but on `tx`.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Wait for what is under way, then let go of the engine. */
  close(): Promise<void>
}

/** Set of migrations: ordered, each a name and its statements. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}
