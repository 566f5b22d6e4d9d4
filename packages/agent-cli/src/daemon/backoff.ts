export const BACKOFF_FIRST_MS = 500
export const BACKOFF_MAX_MS = 60_000

/**
 * How long to wait before trying again: random below a bound that doubles with every failure (full jitter), so that a crowd that lost the same server
 * does not come back as one.
 *
 * @param failures - In a row so far, 0 or more.
 * @param maxMs - Who must be heard of sooner than after a minute waits less.
 * @returns 0 to `maxMs`.
 */
export function fullJitterMs(failures: number, random: () => number = Math.random, maxMs = BACKOFF_MAX_MS): number {
  return Math.round(random() * Math.min(maxMs, BACKOFF_FIRST_MS * 2 ** failures))
}
