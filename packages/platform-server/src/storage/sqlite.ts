import { AsyncLocalStorage } from 'node:async_hooks'
import { type Database, OutcomeUnknown, type Reader, type Signals, type Tx } from './database.ts'
import { type Connection, inTransaction, openConnection, runSql } from './sqlite-connection.ts'
import { asRefusal, explainFile, isDamage, isUndone } from './sqlite-fault.ts'
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts'
import { SqliteTx } from './sqlite-tx.ts'

/** A group of transactions shares one commit: at most this many … */
const GROUP_SIZE_MAX = 50
/** … and no transaction joins a group that is older than this, or than the last commit took: where the disk is slow, more of them share it. */
const GROUP_AGE_MAX_MS = 2

/** One process has the file to itself: there is nobody to tell. */
const ALONE: Signals = { tell() {}, hear() {} }

interface Job {
  readonly work: (tx: Tx) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

interface Answer {
  readonly settle: () => void
  readonly effects: readonly (() => void)[]
}

/**
 * Open the embedded engine: one writer, WAL, `synchronous=FULL`, group commit.
 *
 * Transactions run one after another inside one `BEGIN IMMEDIATE`, each in its own savepoint, and are answered after the shared COMMIT.
 * Reads use a second connection and therefore see committed state only.
 *
 * @throws StorageUnusable when the file is foreign, damaged, newer than this code, or in use by another process; StorageFailed when the disk is full or fails.
 */
export function openSqlite(file: SqliteFile): Database {
  const { lock } = openSqliteFile(file)
  try {
    return new SqliteDatabase(openConnection(file.path), openConnection(file.path, { readOnly: true }), lock)
  } catch (error) {
    lock[Symbol.dispose]()
    throw explainFile(file.path, error)
  }
}

class SqliteDatabase implements Database {
  readonly engine = 'sqlite'
  readonly now = Date.now
  readonly signals = ALONE
  readonly failed: Promise<Error>
  readonly #writer: Connection
  readonly #reader: Connection
  readonly #lock: Disposable
  readonly #inside = new AsyncLocalStorage<true>()
  readonly #tellFailed: (error: Error) => void
  #queue: Job[] = []
  #writing: Promise<void> | undefined
  #reading: Promise<unknown> = Promise.resolve()
  #isClosed = false
  #isBroken = false
  #groupAgeMaxMs = GROUP_AGE_MAX_MS

  constructor(writer: Connection, reader: Connection, lock: Disposable) {
    this.#writer = writer
    this.#reader = reader
    this.#lock = lock
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#tellFailed = resolve
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    this.#refuseMisuse()
    const turn = this.#reading.then(() => this.#readNow(work))
    this.#reading = turn.catch(() => {})
    return turn
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.#refuseMisuse()
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#reading
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reader.close()
    this.#writer.close()
    this.#lock[Symbol.dispose]()
  }

  #refuseMisuse(): void {
    if (this.#inside.getStore()) throw new Error('db used inside its own transaction: pass the tx on')
    if (this.#isClosed) throw new Error('the database is closed')
  }

  async #readNow<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    if (this.#isBroken) throw new OutcomeUnknown()
    const tx = new SqliteTx(this.#reader)
    try {
      runSql(this.#reader, 'BEGIN')
      return await this.#inside.run(true, () => work(tx))
    } catch (error) {
      throw this.#explain(error)
    } finally {
      tx.end()
      if (inTransaction(this.#reader)) runSql(this.#reader, 'COMMIT')
    }
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop lets the requests that are already here share the first commit.
    await new Promise(setImmediate)
    while (this.#queue.length > 0) {
      await this.#writeGroup()
      if (this.#queue.length > 0) await new Promise(setImmediate)
    }
    this.#writing = undefined
  }

  async #writeGroup(): Promise<void> {
    const answers: Answer[] = []
    const group: Job[] = []
    try {
      if (this.#isBroken) throw new OutcomeUnknown()
      runSql(this.#writer, 'BEGIN IMMEDIATE')
      const startedAt = performance.now()
      while (this.#queue.length > 0 && group.length < GROUP_SIZE_MAX && performance.now() - startedAt < this.#groupAgeMaxMs) {
        const job = this.#queue.shift() as Job
        group.push(job)
        answers.push(await this.#runJob(job))
      }
      const workedAt = performance.now()
      this.#commit()
      this.#groupAgeMaxMs = Math.max(GROUP_AGE_MAX_MS, performance.now() - workedAt)
    } catch (error) {
      this.#abandonGroup(group, error)
      return
    }
    for (const { settle, effects } of answers) {
      // Before the answer is read; an effect that throws ends the process as the bug it is, and holds nobody up.
      for (const effect of effects) queueMicrotask(effect)
      settle()
    }
  }

  /** Run one transaction in its savepoint. A refusal undoes the savepoint only; an engine failure is thrown and ends the whole group. */
  async #runJob({ work, resolve, reject }: Job): Promise<Answer> {
    const tx = new SqliteTx(this.#writer)
    runSql(this.#writer, 'SAVEPOINT one')
    try {
      const value = await this.#inside.run(true, () => work(tx))
      runSql(this.#writer, 'RELEASE one')
      return { settle: () => resolve(value), effects: tx.effects }
    } catch (error) {
      if (isDamage(error) || !inTransaction(this.#writer)) throw error
      runSql(this.#writer, 'ROLLBACK TO one')
      runSql(this.#writer, 'RELEASE one')
      return { settle: () => reject(asRefusal(error)), effects: [] }
    } finally {
      tx.end()
    }
  }

  #commit(): void {
    try {
      runSql(this.#writer, 'COMMIT')
    } catch (error) {
      if (!isUndone(error)) this.#break(error)
      throw error
    }
  }

  #abandonGroup(group: readonly Job[], error: unknown): void {
    try {
      if (inTransaction(this.#writer)) runSql(this.#writer, 'ROLLBACK')
    } catch (rollbackError) {
      this.#break(rollbackError)
    }
    const reason = this.#explain(error)
    const failed = group.length > 0 ? group : this.#queue.splice(0)
    for (const { reject } of failed) reject(reason)
  }

  /** What a caller is told. Damage ends the work of this engine for good. */
  #explain(error: unknown): unknown {
    if (isDamage(error)) this.#break(error)
    return this.#isBroken ? new OutcomeUnknown() : asRefusal(error)
  }

  #break(error: unknown): void {
    this.#isBroken = true
    this.#tellFailed(error instanceof Error ? error : new Error('the storage failed', { cause: error }))
  }
}
