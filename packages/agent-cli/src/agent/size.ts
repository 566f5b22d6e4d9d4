import { usage } from './cli-error.ts'

const UNIT_BYTES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

const SIZE = /^([0-9]{1,9})(B|kB|MB|GB|KiB|MiB|GiB)$/

/**
 * Read a size: a whole number and its unit, such as `500kB`, `20MiB` or `4GB`.
 *
 * @returns bytes.
 * @throws CliError `usage` for anything else; a bare number has no unit and is refused.
 */
export function parseSize(text: string): number {
  const [, count, unit] = SIZE.exec(text) ?? []
  if (count === undefined || unit === undefined) throw usage('a size is a whole number and a unit: 500kB, 20MiB, 4GB')
  return Number(count) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES]
}
