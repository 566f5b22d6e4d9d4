import type { Row } from './database.ts'

/** Parse columns at the border: a column of another type than the schema says is a fault. */

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`)
  return value
}

export function maybeText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

export function micro(row: Row, column: string): bigint {
  const value = row[column]
  if (typeof value !== 'bigint') throw new TypeError(`column ${column} is not an integer`)
  return value
}

export function maybeMicro(row: Row, column: string): bigint | undefined {
  return row[column] === null ? undefined : micro(row, column)
}

export function integer(row: Row, column: string): number {
  return Number(micro(row, column))
}

export function maybeInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column)
}

export function flag(row: Row, column: string): boolean {
  return micro(row, column) === 1n
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is not bytes`)
  return value
}
