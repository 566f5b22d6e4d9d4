import pg from 'pg'
import type { Migration } from './database.ts'
import { StorageUnusable } from './open-error.ts'
import { sqlState } from './postgres-fault.ts'

/** "AMkt": processes that start at once bring the schema up one after another. */
const MIGRATION_LOCK = 0x414d6b74
const INSUFFICIENT_PRIVILEGE = '42501'

/**
 * Bring a database to the schema of this code. An empty one is filled; one with tables of somebody else is left as it is.
 *
 * @param isToChange - Whether the schema may be made or changed; otherwise it must be that of this code.
 * @throws StorageUnusable with one line for the operator.
 */
export async function migratePostgres(
  connection: pg.ClientConfig,
  migrations: readonly Migration[],
  isToChange = true,
): Promise<void> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    await checkEncoding(client)
    const applied = await appliedVersions(client)
    refuseOther(applied, migrations)
    if (!isToChange) refuseOlder(applied, migrations)
    for (const migration of migrations.slice(applied.length)) await apply(client, migration)
  } catch (error) {
    throw error instanceof StorageUnusable ? error : unusable(error)
  } finally {
    await client.end()
  }
}

async function checkEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query("SELECT current_setting('server_encoding') AS encoding")
  if (rows[0]?.encoding !== 'UTF8') throw new StorageUnusable('--database: its encoding is not UTF8')
}

/** @returns the names of the migrations that were applied, in order. */
async function appliedVersions(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
  )
  const tables = rows.map((row) => row.name)
  if (tables.length === 0) return []
  if (!tables.includes('schema_version')) throw new StorageUnusable('--database: not a database of this program, and not empty')
  const versions = await client.query('SELECT name FROM schema_version ORDER BY version')
  return versions.rows.map((row) => row.name)
}

function refuseOther(applied: readonly string[], migrations: readonly Migration[]): void {
  if (applied.length > migrations.length)
    throw new StorageUnusable(
      `--database: written by a newer version (schema ${applied.length}, this program knows ${migrations.length})`,
    )
  const isOurs = applied.every((name, index) => name === migrations[index]?.name)
  if (!isOurs) throw new StorageUnusable('--database: not a database of this program')
}

function refuseOlder({ length }: readonly string[], migrations: readonly Migration[]): void {
  if (length === 0) throw new StorageUnusable('--database: no data where they were expected')
  if (length < migrations.length)
    throw new StorageUnusable(
      `--database: written by an older version (schema ${length}, this program needs ${migrations.length}); migrate it`,
    )
}

/** Each migration commits with its number, or not at all. */
async function apply(client: pg.Client, { version, name, sql }: Migration): Promise<void> {
  await client.query('BEGIN')
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, name TEXT NOT NULL)')
  await client.query(sql)
  await client.query('INSERT INTO schema_version (version, name) VALUES ($1, $2)', [version, name])
  await client.query('COMMIT')
}

/** What the operator can do about it. The address is not told: it may hold a password. */
function unusable(error: unknown): unknown {
  const state = sqlState(error)
  if (!(error instanceof Error)) return error
  if (state === undefined) return new StorageUnusable(`--database: cannot be reached: ${error.message}`)
  if (state.startsWith('28') || state.startsWith('3D') || state.startsWith('57') || state === INSUFFICIENT_PRIVILEGE)
    return new StorageUnusable(`--database: ${error.message}`)
  return error
}
