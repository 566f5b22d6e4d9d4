import { usage } from './cli-error.ts'
import { parseDuration } from './duration.ts'

/**
 * Read a moment in the past: a duration ago (`24h`), or a time as ISO 8601 writes it.
 *
 * @returns ms UTC.
 * @throws CliError `usage` for anything else.
 */
export function parseSince(text: string, nowMs: number): number {
  const atMs = /^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text) ? Date.parse(text) : nowMs - parseDuration(text)
  if (!Number.isFinite(atMs)) throw usage('a time is a duration ago (24h) or a date such as 2026-01-31T12:00:00Z')
  return atMs
}
