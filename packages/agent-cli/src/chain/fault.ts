import { closest, distance } from 'fastest-levenshtein'

/** What is wrong at a place of a chain file; line and column begin with 1. */
export interface ChainFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Where a value stands in a file: names of fields and numbers of items from the top. */
export type FaultPath = readonly (string | number)[]

/** What is wrong with the value at a path, or with the name of its last field. */
export interface PlanFault {
  readonly path: FaultPath
  readonly message: string
  readonly isKey?: boolean
}

/** A guess further away than this is none. */
const TYPOS_MAX = 3

/** @returns ` — did you mean "x"?` for the known name that is closest, or nothing. */
export function suggest(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const guess = closest(name, known as string[])
  const isClose = distance(name, guess) <= Math.min(TYPOS_MAX, guess.length / 2)
  return isClose ? ` — did you mean "${guess}"?` : ''
}

/** As compilers say it, so that editors jump there. */
export function formatFault(file: string, { line, column, message }: ChainFault): string {
  return `${file}:${line}:${column}: ${message}`
}
