export const BACKOFF_FIRST_MS = 500
export const BACKOFF_MAX_MS = 60_000

/**
 * How long to wait before trying again: random below a bound that doubles with every failure (full jitter), so that a crowd that lost the same server
 * does not come back as one.
 *
 * @param failures - In a row so far, 0 or more.
 * @returns 0 to 60 000 ms.
 */
export function fullJitterMs(failures: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures))
}
