import { Refusal } from '../errors.ts'

/** SQLSTATE codes and what they mean for a transaction. */
const UNIQUE_VIOLATION = '23505'
const SERIALIZATION_FAILURE = '40001'
const COMPLETION_UNKNOWN = '40003'
const DEADLOCK = '40P01'
const DISK_FULL = '53100'
const SCHEMA_CHANGED = '0A000'
const LOCK_NOT_AVAILABLE = '55P03'
/** The statement took too long, which with statements as small as ours means that it waited for others. */
const CANCELLED = '57014'
const CONFLICTS = new Set([UNIQUE_VIOLATION, SERIALIZATION_FAILURE, DEADLOCK])
/** It only reads: it is a replica, was set so, or another one has taken its place. */
const READ_ONLY = '25006'
/**
 * The connection was lost or is refused; it was ended by an operator or for idling in a transaction; it only reads; or the schema changed under a
 * prepared statement.
 */
const AWAY = /^(?:08...|53300|57P0[1-5]|25P0[34]|25006|0A000)$/
/** What the driver says without the server. */
const SILENT = 'Query read timeout'
const LOST = new RegExp(`^(?:Connection terminated|Client has encountered a connection error|timeout |${SILENT})`)

/** Another transaction came in between: nothing was done, and doing it again is right. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(sqlState(error) ?? '')
}

/** The server said nothing for so long that there is no use in asking again right away. */
export function isSilent(error: unknown): boolean {
  return error instanceof Error && error.message === SILENT
}

/**
 * The connection is not to be used again: nobody answers, the schema changed under a statement that it has prepared, or it leads to a database that
 * only reads, where a new one may lead to the one that took its place.
 */
export function isUseless(error: unknown): boolean {
  const state = sqlState(error)
  return isSilent(error) || state === SCHEMA_CHANGED || state === READ_ONLY
}

/** In a transaction that we made to read only, a statement that writes is a fault of ours: it says nothing about the database. */
export function asFaultOfRead(error: unknown): unknown {
  return error instanceof Error && sqlState(error) === READ_ONLY ? new Error(error.message, { cause: error }) : error
}

/** Somebody has what a change of the schema needs, or waits for it in a circle: it may be free in a moment. */
export function isBusy(error: unknown): boolean {
  const state = sqlState(error)
  return state === LOCK_NOT_AVAILABLE || state === DEADLOCK
}

/** The server went away before the commit was sent: nothing was done, and another connection may do. */
export function isAway(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) return AWAY.test(state)
  return error instanceof Error && (isSocketError(error) || LOST.test(error.message))
}

/** Whether the server said of a COMMIT that it did not happen. Silence, or the end of the connection, says nothing. */
export function isRolledBack(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && state !== COMPLETION_UNKNOWN && /^(?:40|23)/.test(state)
}

/** Say of an engine error what a caller can do about it; what is a refusal already, or a fault, passes unchanged. */
export function asRefusal(error: unknown): unknown {
  const state = sqlState(error)
  if (state === SERIALIZATION_FAILURE || state === DEADLOCK || state === CANCELLED || state === LOCK_NOT_AVAILABLE)
    return new Refusal('overloaded', 'too many calls change the same thing', { retryAfterMs: 1_000 })
  if (state === DISK_FULL)
    return new Refusal('storage_full', 'the platform has no space to write; reads still work', { retryAfterMs: 5_000 })
  if (state === READ_ONLY) return new Refusal('unavailable', 'the storage only reads at the moment', { retryAfterMs: 1_000 })
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
