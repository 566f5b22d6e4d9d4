import { Refusal } from '../errors.ts'
import { StorageFailed, StorageUnusable } from './open-error.ts'

/** Primary result codes of SQLite, the low byte of `errcode`. */
const SQLITE_PERM = 3
const SQLITE_BUSY = 5
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26
/** The extended code of a file that ends too early. */
const SQLITE_IOERR_SHORT_READ = 522

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

/**
 * Say what kept a file from being opened, looked at or copied. A disk that is full or fails says nothing about the data: whoever took it for damage
 * would restore a backup and lose what was answered since.
 *
 * @returns StorageFailed, StorageUnusable; what is neither as it is: a fault.
 */
export function explainFile(path: string, error: unknown): unknown {
  const code = resultCode(error)
  if (!(error instanceof Error) || code === undefined) return error
  if (code === SQLITE_BUSY) return new StorageFailed(`${path}: locked; try again`)
  if (code === SQLITE_FULL || (code === SQLITE_IOERR && !isShort(error)))
    return new StorageFailed(`${path}: the disk is full or fails (${error.message}); the data are as they were`)
  if (code === SQLITE_PERM || code === SQLITE_READONLY || code === SQLITE_CANTOPEN)
    return new StorageUnusable(
      `${path}: cannot be opened or made (${error.message}): see who may write there, and the room on the disk`,
    )
  if (isDamage(error)) return new StorageUnusable(`${path}: damaged: ${error.message}; restore a backup`)
  return error
}

function isShort(error: Error): boolean {
  return 'errcode' in error && error.errcode === SQLITE_IOERR_SHORT_READ
}

export function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}

/** @returns the primary result code of an SQLite error, if it is one. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
