import { Refusal } from '../errors.ts'

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
  /** Run an effect in this process once the transaction is durable; never if it is not. An effect does not throw. */
  onCommit(effect: () => void): void
}

export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  /** The one clock of all processes that share this database, in milliseconds UTC. */
  readonly now: () => number
  readonly signals: Signals
  /** Resolves once the engine failed in a way that leaves durability unknown. Nothing is acknowledged from then on: the process ends. */
  readonly failed: Promise<Error>
  /** Read committed state. Throws when called inside this database's own transaction. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>
  /**
   * Do `work` in one transaction. The promise settles after the commit is durable; what `work` throws rolls everything back and is thrown on.
   *
   * Others may commit between two statements of it (PostgreSQL runs transactions side by side), but no row changes that it wrote: what it decides
   * about, it guards in the statement or writes first. It may run more than once (a conflict is done again), so it has no effects but on `tx`.
   *
   * @throws OutcomeUnknown when the answer to the commit was lost.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Wait for what is under way, then let go of the engine. */
  close(): Promise<void>
}

/** Words between the processes that share a database. They may get lost: what they announce is in the tables. */
export interface Signals {
  /** Tell the other processes, soon and together with what else there is to tell. */
  tell(topic: string): void
  /** Be told what other processes tell. */
  hear(listener: (topic: string) => void): void
}

/** A commit was sent and its answer was lost: the transaction may be durable, or not. Looking it up by its idempotency key tells. */
export class OutcomeUnknown extends Refusal {
  constructor() {
    super('unavailable', 'the storage did not answer; repeat the call with the same idempotency key', { retryAfterMs: 1_000 })
  }
}

/** Set of migrations: ordered, each a name and its statements. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  /** The oldest schema whose programs still work after it; the one right before, if it is not said. */
  readonly worksFrom?: number
}
