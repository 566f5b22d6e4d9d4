import type { Database } from '../storage/database.ts'

/**
 * Have the index forget: it overwrites what it deletes, and its write-ahead log, which lies in the order of arrival, keeps the last
 * commit only. The log is copied into the index after each commit and cut at the beginning of the next. That costs one more fsync for each
 * group of uploads; each upload costs two for its body anyway.
 */
export function forgetThoroughly(db: Database): Promise<void> {
  return db.write(async (tx) => {
    await tx.all('PRAGMA secure_delete = ON')
    await tx.all('PRAGMA journal_size_limit = 0')
    await tx.all('PRAGMA wal_autocheckpoint = 1')
  })
}
