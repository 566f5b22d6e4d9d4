import { Refusal } from '../errors.ts'

/** Primary result codes of SQLite, the low byte of `errcode`. */
const SQLITE_BUSY = 5
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26

/**
 * Say of an engine error what a caller can do about it: a full disk is `storage_full`, a lock that did not come is `unavailable`.
 * Everything else passes unchanged; it is a refusal already, or a fault.
 */
export function asRefusal(error: unknown): unknown {
  const code = resultCode(error)
  if (code === SQLITE_FULL)
    return new Refusal('storage_full', 'the platform has no space to write; reads still work', { retryAfterMs: 5_000 })
  if (code === SQLITE_BUSY) return new Refusal('unavailable', 'the storage is locked', { retryAfterMs: 1_000 })
  return error
}

/** Whether the file can no longer be trusted: the disk failed, or what it holds is no database any more. */
export function isDamage(error: unknown): error is Error {
  const code = resultCode(error)
  return code === SQLITE_IOERR || code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

/** Whether a COMMIT that failed like this surely left nothing behind. After any other failure the next start may find the group, or not. */
export function isUndone(error: unknown): boolean {
  const code = resultCode(error)
  return code === SQLITE_FULL || code === SQLITE_BUSY
}

/** @returns the primary result code of an SQLite error, if it is one. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
