import { join } from 'node:path'
import type { Database, Migration } from '../src/storage/database.ts'
import { translate } from '../src/storage/dialect.ts'
import { openSqlite } from '../src/storage/sqlite.ts'
import type { SqliteFile } from '../src/storage/sqlite-file.ts'
import type { Place } from './place.ts'

/** A small schema for tests of the port itself. */
const SQL = `
  CREATE TABLE things (
    name TEXT PRIMARY KEY,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    content BLOB
  ) STRICT;
`

export const THINGS: Pick<SqliteFile, 'applicationId' | 'migrations'> = {
  applicationId: 0x7465_7374,
  migrations: [{ version: 1, name: 'things', sql: SQL }],
}

export async function openThings({ directory, database }: Pick<Place, 'directory' | 'database'>): Promise<Database> {
  if (!database) return openSqlite({ ...THINGS, path: join(directory, 'things.sqlite'), create: true })
  // Loaded only where it is needed: short-lived processes open the other engine.
  const { openPostgres } = await import('../src/storage/postgres.ts')
  return openPostgres({ url: database, migrations: THINGS.migrations.map(inPostgres) })
}

export function inPostgres(migration: Migration): Migration {
  return { ...migration, sql: translate(migration.sql, 'postgres') }
}
