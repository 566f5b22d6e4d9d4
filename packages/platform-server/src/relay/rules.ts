import { RELAY_TTL_MS, type RelayTtl } from '@agent-marketplace/protocol'

const HOUR_MS = 3_600_000

/** More than any relay publishes in a second. */
const POSITIONS_A_SECOND = 100_000

/** A transfer may take this long before its first byte … */
const TRANSFER_GRACE_MS = 10_000
/** … and then has to move this many bytes a millisecond (32 KiB/s) on average. */
const TRANSFER_BYTES_PER_MS_MIN = 32

/** The hour a moment lies in, counted from 1970. The relay stores and compares hours only. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / HOUR_MS)
}

/** The start of an hour in milliseconds: the only file time the relay writes. */
export function startOfHourMs(hour: number): number {
  return hour * HOUR_MS
}

/** The hour at whose start a slot is gone: its time to live, rounded up. It is live while `hourOf(now) < expiryHour`. */
export function expiryHourOf(nowMs: number, ttl: RelayTtl): number {
  return Math.ceil((nowMs + RELAY_TTL_MS[ttl]) / HOUR_MS)
}

/**
 * Where the feed goes on at a start of the relay: beyond every position that an earlier start gave out, also one of which nothing is known any more because
 * the relay was put back to an earlier state. Of 15 digits, as many as the feed takes, until the year 2286.
 */
export function startOfPositions(nowMs: number): number {
  return Math.floor(nowMs / 1_000) * POSITIONS_A_SECOND
}

/** How long a peer may take to send or fetch this many bytes before the connection is cut. */
export function transferMaxMs(bytes: number): number {
  return TRANSFER_GRACE_MS + Math.ceil(bytes / TRANSFER_BYTES_PER_MS_MIN)
}
