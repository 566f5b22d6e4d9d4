import { usage } from './cli-error.ts'

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const DURATION = /^([0-9]{1,9})(ms|s|m|h|d)$/

/**
 * Read a duration: a whole number and its unit, such as `90s`, `10m`, `24h` or `7d`.
 *
 * @returns ms.
 * @throws CliError `usage` for anything else; a bare number has no unit and is refused.
 */
export function parseDuration(text: string): number {
  const [, count, unit] = DURATION.exec(text) ?? []
  if (count === undefined || unit === undefined) throw usage('a duration is a whole number and a unit: 90s, 10m, 24h, 7d')
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}
