/** Another process holds the lock. */
export const SQLITE_BUSY = 5

/** The primary result code of SQLite, or `undefined` for an error of another kind. */
export function resultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}
