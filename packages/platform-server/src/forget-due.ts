import type { Database, Tx } from './storage/database.ts'

/** Rows forgotten by one transaction: some two milliseconds of the one writer that SQLite has. */
const TOGETHER = 200
/** Rows forgotten by one sweep; the rest is due at the next one. */
export const FORGOTTEN_MAX = 5_000

/**
 * Forget what has expired, a few rows at a time so that nobody else waits for long, however much there is.
 *
 * @param deleteSome - Deletes at most `limit` rows. @returns how many it did.
 * @returns how many were forgotten.
 */
export async function forgetDue(
  db: Pick<Database, 'write'>,
  deleteSome: (tx: Tx, limit: number) => Promise<number>,
): Promise<number> {
  let forgotten = 0
  while (forgotten < FORGOTTEN_MAX) {
    const some = await db.write((tx) => deleteSome(tx, TOGETHER))
    forgotten += some
    if (some < TOGETHER) break
  }
  return forgotten
}
