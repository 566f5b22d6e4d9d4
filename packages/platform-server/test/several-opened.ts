import pg from 'pg'
import type { Database, Reader, Row, Tx } from '../src/storage/database.ts'
import { postgres } from './engines.ts'
import { openThings } from './things.ts'

/** One PostgreSQL database of things, opened several times, as several processes do. */
export interface SeveralOpened extends AsyncDisposable {
  readonly database: string
  readonly databases: readonly Database[]
  /** The first of them. */
  readonly db: Database
}

export async function openSeveral(count: number): Promise<SeveralOpened> {
  const place = await postgres.open()
  const databases = await Promise.all(Array.from({ length: count }, () => openThings(place)))
  return {
    database: place.database ?? '',
    databases,
    db: databases[0] as Database,
    async [Symbol.asyncDispose]() {
      for (const db of databases) await db.close()
      await place[Symbol.asyncDispose]()
    },
  }
}

export const END_SELF = 'SELECT pg_terminate_backend(pg_backend_pid())'
export const END_OTHERS =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

/** Say something to a database as somebody else. */
export async function say(database: string | undefined, sql: string): Promise<void> {
  const client = new pg.Client(database)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

export function insertThing(tx: Tx, name: string): Promise<number> {
  return tx.run('INSERT INTO things (name, amount) VALUES ($1, 0)', [name])
}

export function countThings(db: Database): Promise<Row | undefined> {
  return db.read((reader: Reader) => reader.get('SELECT count(*) AS n FROM things'))
}
