import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { JOINABLE_BYTES_MIN } from '../../packages/agent-cli/src/audit/join-planes.ts'
import type { Mark } from '../../packages/agent-cli/src/audit/search-marks.ts'

/** Integers below this are amounts, counts and hours; above are times in ms, which take six bytes. */
const LONG_INTEGER_MIN = 2 ** 40

/** Every value of at least six bytes in any column of an SQLite database nobody writes to any more. */
export function valuesInDatabase(path: string): Mark[] {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all()
    return tables.flatMap(({ name }) => {
      const statement = db.prepare(`SELECT * FROM "${String(name)}"`)
      statement.setReadBigInts(true)
      return statement.all().flatMap((row) =>
        Object.entries(row).flatMap(([column, value]): Mark[] => {
          const from = `${String(name)}.${column}`
          if (typeof value === 'string' && Buffer.byteLength(value) >= JOINABLE_BYTES_MIN) return [{ from, text: value }]
          if (value instanceof Uint8Array && value.length >= JOINABLE_BYTES_MIN) return [{ from, bytes: value }]
          return typeof value === 'bigint' && value >= LONG_INTEGER_MIN ? [{ from, text: String(value) }] : []
        }),
      )
    })
  } finally {
    db.close()
  }
}

/** All values behind each other, to be searched. */
export function asHaystack(values: readonly Mark[]): Buffer {
  return Buffer.concat(
    values.flatMap((mark) => ['text' in mark ? Buffer.from(mark.text) : Buffer.from(mark.bytes), Buffer.from('\n')]),
  )
}

/** Databases of a data directory, by the part of the platform that owns them. */
export function databasesIn(directory: string): string[] {
  return existsSync(directory)
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.sqlite'))
        .map((name) => join(directory, name))
    : []
}
