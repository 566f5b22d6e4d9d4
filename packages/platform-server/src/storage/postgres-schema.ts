import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Migration } from './database.ts'
import { StorageFailed, StorageUnusable } from './open-error.ts'
import { isAway, isBusy, sqlState } from './postgres-fault.ts'
import { refuseOlderPrograms } from './postgres-programs.ts'

/** "AMkt": processes that start at once bring the schema up one after another. */
const MIGRATION_LOCK = 0x414d6b74
const INSUFFICIENT_PRIVILEGE = '42501'
/** Who waits for a table holds up everybody behind him: not for longer than this, but again after a pause. */
const LOCK_WAIT = '2s'
const ATTEMPTS_MAX = 30
const PAUSE_MS = 500

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
    await client.query(`SET lock_timeout = '${LOCK_WAIT}'`)
    const applied = await appliedVersions(client)
    refuseOther(applied, migrations)
    if (!isToChange) refuseOlder(applied, migrations)
    for (const migration of migrations.slice(applied.length)) await applyPatiently(client, migration)
  } catch (error) {
    refuseUnusable(error)
  } finally {
    await client.end()
  }
}

async function checkEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query("SELECT current_setting('server_encoding') AS encoding")
  if (rows[0]?.encoding !== 'UTF8') throw new StorageUnusable('--database: its encoding is not UTF8')
}

interface Applied {
  readonly name: string
  /** The oldest schema whose programs still work after it. */
  readonly worksFrom: number
}

/** @returns the migrations that were applied, in order. */
async function appliedVersions(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
  )
  const tables = rows.map((row) => row.name)
  if (tables.length === 0) return []
  if (!tables.includes('schema_version')) throw new StorageUnusable('--database: not a database of this program, and not empty')
  const versions = await client.query('SELECT * FROM schema_version ORDER BY version')
  return versions.rows.map(({ name, version, works_from }) => ({ name, worksFrom: Number(works_from ?? version) }))
}

/** A newer database is used only if each of its migrations says that programs of this schema still work. */
function refuseOther(applied: readonly Applied[], migrations: readonly Migration[]): void {
  const known = migrations.length
  if (applied.slice(known).some(({ worksFrom }) => worksFrom > known))
    throw new StorageUnusable(`--database: written by a newer version (schema ${applied.length}, this program knows ${known})`)
  const isOurs = migrations.slice(0, applied.length).every(({ name }, index) => name === applied[index]?.name)
  if (!isOurs) throw new StorageUnusable('--database: not a database of this program')
}

function refuseOlder({ length }: readonly Applied[], migrations: readonly Migration[]): void {
  if (length === 0) throw new StorageUnusable('--database: no data where they were expected')
  if (length < migrations.length)
    throw new StorageUnusable(
      `--database: written by an older version (schema ${length}, this program needs ${migrations.length}); migrate it`,
    )
}

/** @throws StorageUnusable while programs are at work that would not survive it. */
async function applyPatiently(client: pg.Client, migration: Migration): Promise<void> {
  await refuseOlderPrograms(client, migration.worksFrom ?? migration.version - 1)
  for (let attempt = 1; ; attempt++) {
    try {
      return await apply(client, migration)
    } catch (error) {
      await client.query('ROLLBACK')
      if (!isBusy(error)) throw error
      if (attempt === ATTEMPTS_MAX) throw new StorageUnusable('--database: too busy to change its schema; try again later')
    }
    await pause(PAUSE_MS * Math.random())
  }
}

/** Each migration commits with its number, or not at all. */
async function apply(client: pg.Client, { version, name, sql, worksFrom = version - 1 }: Migration): Promise<void> {
  await client.query('BEGIN')
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, name TEXT NOT NULL)')
  await client.query('ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS works_from BIGINT')
  await client.query(sql)
  await client.query('INSERT INTO schema_version (version, name, works_from) VALUES ($1, $2, $3)', [version, name, worksFrom])
  await client.query('COMMIT')
}

/**
 * @throws StorageFailed where a database may be there in a moment; StorageUnusable with what the operator can do about it; the address is not told: it may
 *   hold a password. Other errors as they are.
 */
export function refuseUnusable(error: unknown): never {
  if (error instanceof StorageUnusable || error instanceof StorageFailed || !(error instanceof Error)) throw error
  const state = sqlState(error)
  if (state === undefined || isAway(error)) throw new StorageFailed(`--database: cannot be reached: ${error.message}`)
  if (state.startsWith('28') || state.startsWith('3D') || state === INSUFFICIENT_PRIVILEGE)
    throw new StorageUnusable(`--database: ${error.message}`)
  throw error
}
