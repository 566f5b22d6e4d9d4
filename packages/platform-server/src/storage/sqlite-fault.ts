import { Refusal } from '../errors.ts'

/** Primary result codes of SQLite, the low byte of `errcode`. */
const SQLITE_BUSY = 5
const SQLITE_FULL = 13

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

/** @returns the primary result code of an SQLite error, if it is one. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
