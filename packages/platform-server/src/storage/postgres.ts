import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type Database, type Migration, OutcomeUnknown, type Reader, type Tx } from './database.ts'
import { asFaultOfRead, asRefusal, isAway, isConflict, isRolledBack, isSilent, isUseless } from './postgres-fault.ts'
import { migratePostgres, refuseUnusable } from './postgres-schema.ts'
import { openSignals, type PostgresSignals } from './postgres-signals.ts'
import { rowTypes, Statements } from './postgres-statement.ts'
import { PostgresTx } from './postgres-tx.ts'

export interface PostgresAddress {
  /** `postgres://user@host/name`; a password is better kept in PGPASSWORD or a `.pgpass` file. */
  readonly url: string
  readonly migrations: readonly Migration[]
  /** To look and not to touch: the schema must be that of this code. */
  readonly readOnly?: boolean
  /** How long the database may say nothing before a connection is given up, in milliseconds. */
  readonly silenceMs?: number
}

/** Connections of this process, besides the one that listens. */
const CONNECTIONS_MAX = 16
/** How long a call waits for a connection, in milliseconds; beyond it the platform is overloaded or the database is gone. */
const CONNECT_TIMEOUT_MS = 10_000
/** A process that stops in the middle of a transaction loses it, and its locks, after this long. */
const IDLE_TRANSACTION_MS = 10_000
const STATEMENT_MS = 30_000
/** The database ends a statement that takes long by itself: who says nothing for longer is not there any more. */
const SILENCE_MS = STATEMENT_MS + 2_000

/** A transaction that met a conflict, or whose connection was lost before its commit, is done this often in all. */
const ATTEMPTS_MAX = 6
/** The pause before the second attempt, in milliseconds; doubles with each, times 0 to 1. */
const BACKOFF_MS = 10

/**
 * A commit that is answered is on the disk, whatever the database's own default is. And a deadlock is noticed after 100 ms, not after a second,
 * where this user may say so (`GRANT SET ON PARAMETER deadlock_timeout`).
 */
const SESSION = `
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
  DO $$ BEGIN PERFORM set_config('deadlock_timeout', '100ms', false); EXCEPTION WHEN insufficient_privilege THEN END $$`
const BEGIN_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'
/** Why not a higher level: design/decisions/0008-isolation-on-postgresql.md */
const BEGIN_WRITE = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/**
 * Open the engine for several server processes over one database. Transactions run side by side; one that meets a conflict is done again.
 *
 * @throws StorageFailed when the database cannot be reached; StorageUnusable when it is foreign or newer than this code.
 */
export async function openPostgres(address: PostgresAddress): Promise<Database> {
  const { url, migrations, readOnly = false, silenceMs = SILENCE_MS } = address
  const connection = {
    connectionString: url,
    application_name: 'agent-marketplace',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  }
  // First of all: from then on nobody takes the schema of this program away.
  const signals = await openSignals({ ...connection, query_timeout: silenceMs }, migrations.length).catch(refuseUnusable)
  try {
    await migratePostgres(connection, migrations, !readOnly)
  } catch (error) {
    await signals.close()
    throw error
  }
  const pool = new pg.Pool({
    ...connection,
    max: CONNECTIONS_MAX,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
    // Who only looks, looks at everything, which takes as long as it takes.
    ...(!readOnly && { statement_timeout: STATEMENT_MS, query_timeout: silenceMs }),
    types: rowTypes,
    onConnect: (client) => client.query(SESSION),
  })
  // A connection that is lost while idle is replaced with the next use; one that is lost at work tells that work.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return new PostgresDatabase(pool, signals)
}

/** A transaction that reads, or one that writes. */
interface Kind {
  readonly begin: string
  readonly end: (client: pg.PoolClient) => Promise<void>
}

class PostgresDatabase implements Database {
  readonly engine = 'postgres'
  readonly now: () => number
  readonly signals: PostgresSignals
  /** Never: what this process does not know, the database does. */
  readonly failed = new Promise<Error>(() => {})
  readonly #pool: pg.Pool
  readonly #statements = new Statements()
  readonly #inside = new AsyncLocalStorage<true>()
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(pool: pg.Pool, signals: PostgresSignals) {
    this.#pool = pool
    this.signals = signals
    this.now = signals.now
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.#start({ begin: BEGIN_READ, end: endRead }, work)
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#start({ begin: BEGIN_WRITE, end: commit }, work)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#pool.end()
    await this.signals.close()
  }

  #start<T>(kind: Kind, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#inside.getStore()) throw new Error('db used inside its own transaction: pass the tx on')
    if (this.#closing !== undefined) throw new Error('the database is closed')
    const turn = this.#repeat(kind, work).finally(() => this.#underWay.delete(turn))
    this.#underWay.add(turn)
    return turn
  }

  async #repeat<T>(kind: Kind, work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.#connect()
      try {
        return await this.#transact(client, kind, work)
      } catch (error) {
        const mayRepeat = !isSilent(error) && (isConflict(error) || isAway(error))
        if (!mayRepeat || attempt === ATTEMPTS_MAX) throw asRefusal(error)
      }
      await pause(BACKOFF_MS * 2 ** (attempt - 1) * Math.random())
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw asRefusal(error)
    }
  }

  async #transact<T>(client: pg.PoolClient, { begin, end }: Kind, work: (tx: Tx) => Promise<T>): Promise<T> {
    const tx = new PostgresTx(client, this.#statements)
    let isUsable = false
    try {
      await client.query(begin)
      const value = await this.#inside.run(true, () => work(tx))
      tx.end()
      await end(client)
      isUsable = true
      // Before the answer is read; an effect that throws ends the process as the bug it is.
      for (const effect of tx.effects) queueMicrotask(effect)
      return value
    } catch (thrown) {
      tx.end()
      const error = begin === BEGIN_READ ? asFaultOfRead(thrown) : thrown
      const mayUseAgain = !(error instanceof OutcomeUnknown) && !isUseless(error)
      isUsable = mayUseAgain && (await rollBack(client))
      throw error
    } finally {
      client.release(!isUsable)
    }
  }
}

async function endRead(client: pg.PoolClient): Promise<void> {
  await client.query('COMMIT')
}

async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT').catch((error: unknown) => {
    throw isRolledBack(error) ? error : new OutcomeUnknown()
  })
  if (command !== 'COMMIT') throw new Error('nothing was committed: the failure of a statement was swallowed')
}

/** @returns whether the connection can be used again. */
async function rollBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK')
    return true
  } catch {
    return false
  }
}
