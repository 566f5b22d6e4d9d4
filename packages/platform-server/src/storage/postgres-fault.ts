import { Refusal } from '../errors.ts'

/** SQLSTATE codes and what they mean for a transaction. */
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK = '40P01'
const COMPLETION_UNKNOWN = '40003'
/** A prepared statement whose table was changed by a migration of another process. */
const STALE_PLAN = '0A000'
const DISK_FULL = '53100'
/** Classes: connection lost, out of connections, ended by an operator or not up yet. */
const AWAY = /^(?:08...|53300|57P0[1-5])$/
const CONFLICT = new Set([SERIALIZATION_FAILURE, DEADLOCK])

/** Another transaction came in between: nothing was done, and doing it again is right. */
export function isConflict(error: unknown): boolean {
  const code = sqlState(error)
  return code !== undefined && CONFLICT.has(code)
}

/** The server went away before the commit was sent, or has to prepare anew: nothing was done, and another connection may do. */
export function isAway(error: unknown): boolean {
  const code = sqlState(error)
  if (code !== undefined) return AWAY.test(code) || code === STALE_PLAN
  return error instanceof Error && (isSocketError(error) || /^(?:Connection terminated|timeout e|Client has encountered)/.test(error.message))
}

/** Whether the server said of a COMMIT that it did not happen. Silence, or the end of the connection, says nothing. */
export function isRolledBack(error: unknown): boolean {
  const code = sqlState(error)
  return code !== undefined && code !== COMPLETION_UNKNOWN && /^(?:40|23)/.test(code)
}

/** Say of an engine error what a caller can do about it; what is a refusal already, or a fault, passes unchanged. */
export function asRefusal(error: unknown): unknown {
  if (isConflict(error)) return new Refusal('overloaded', 'too many calls change the same thing', { retryAfterMs: 1_000 })
  if (sqlState(error) === DISK_FULL)
    return new Refusal('storage_full', 'the platform has no space to write; reads still work', { retryAfterMs: 5_000 })
  if (isAway(error)) return new Refusal('unavailable', 'the storage cannot be reached', { retryAfterMs: 1_000 })
  return error
}

/** @returns the SQLSTATE of what the server said; `undefined` for everything that is not its answer. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

function isSocketError(error: Error): boolean {
  return 'syscall' in error || ('code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code))
}
