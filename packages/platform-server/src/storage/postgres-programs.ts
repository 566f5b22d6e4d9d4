import type pg from 'pg'
import { StorageUnusable } from './open-error.ts'

/** "AMkt", with the number of a schema beside it: held by every program of that schema for as long as it runs. */
const PROGRAM_LOCK = 0x414d6b74

/** Say that a program of this schema is at work, for as long as the connection lasts. */
export async function announceProgram(client: pg.Client, schema: number): Promise<void> {
  await client.query('SELECT pg_advisory_lock_shared($1::int, $2::int)', [PROGRAM_LOCK, schema])
}

/**
 * Make sure that no program of an older schema is at work, and none begins to be until the connection ends.
 *
 * @throws StorageUnusable while there is one.
 */
export async function refuseOlderPrograms(client: pg.Client, schema: number): Promise<void> {
  for (let older = 1; older < schema; older++) {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1::int, $2::int) AS free', [PROGRAM_LOCK, older])
    if (rows[0]?.free !== true)
      throw new StorageUnusable(
        `--database: a server of schema ${older} is at work on it, which would not survive this version's schema; stop it first`,
      )
  }
}
