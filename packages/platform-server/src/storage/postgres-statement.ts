import type { Row, Value } from './database.ts'

/** Types by their number in PostgreSQL's catalogue. */
const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, float4: 700, float8: 701, numeric: 1700 } as const

const PARSERS: ReadonlyMap<number, (text: string) => Value> = new Map<number, (text: string) => Value>([
  // SQLite knows no boolean: a comparison is an integer there.
  [OID.bool, (text) => (text === 't' ? 1n : 0n)],
  [OID.bytea, (text) => new Uint8Array(Buffer.from(text.slice('\\x'.length), 'hex'))],
  [OID.int2, BigInt],
  [OID.int4, BigInt],
  [OID.int8, BigInt],
  // What sums of int8 are.
  [OID.numeric, BigInt],
  [OID.float4, Number],
  [OID.float8, Number],
])

/** What the port promises of a column, for `pg`: integers as `bigint`, blobs as plain `Uint8Array`, everything else as text. */
export const rowTypes = { getTypeParser: (oid: number) => PARSERS.get(oid) ?? ((text: string) => text) }

/** A statement as the driver takes it: prepared once for each connection under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** Names the statements of one pool of connections. */
export class Statements {
  readonly #known = new Map<string, Statement>()

  /**
   * Every parameter is cast to the type of its value: left alone, PostgreSQL takes `$5` in `$5 < 0 OR price <= $5` for a 32-bit integer.
   *
   * @param params - Values of `$1`, `$2`, …; `null` takes the type of its place.
   */
  prepare(sql: string, params: readonly Value[]): Statement {
    const casts = params.map(castOf)
    const key = `${casts.join()} ${sql}`
    const known = this.#known.get(key)
    if (known) return known
    const text = sql.replaceAll(/\$([0-9]+)/g, (parameter, index: string) => {
      const cast = casts[Number(index) - 1]
      if (cast === undefined) throw new Error(`parameter ${parameter} is missing`)
      return `${parameter}${cast}`
    })
    const statement = { name: `s${this.#known.size}`, text }
    this.#known.set(key, statement)
    return statement
  }
}

function castOf(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string') return '::text'
  if (typeof value === 'object') return '::bytea'
  return typeof value === 'bigint' || Number.isInteger(value) ? '::int8' : '::float8'
}

/** Rows as the driver made them with `rowTypes`. */
export function asRows(rows: readonly unknown[]): Row[] {
  return rows as Row[]
}
