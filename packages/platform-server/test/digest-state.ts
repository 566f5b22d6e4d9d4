import { createHash } from 'node:crypto'
import type { Database, Reader, Row } from '../src/storage/database.ts'
import { text } from '../src/storage/row.ts'

/**
 * Everything that is stored, as one value: two that are equal mean that nothing changed in between.
 *
 * @returns SHA-256 over all rows of all tables, hex.
 */
export function digestState({ deps: { db } }: { readonly deps: { readonly db: Database } }): Promise<string> {
  return db.read(async (reader) => {
    const digest = createHash('sha256')
    for (const table of await listTables(db, reader)) {
      const rows = await reader.all(`SELECT * FROM ${table}`)
      digest.update(`${table}\n${rows.map(describeRow).sort().join('\n')}\n`)
    }
    return digest.digest('hex')
  })
}

async function listTables(db: Database, reader: Reader): Promise<string[]> {
  const sql =
    db.engine === 'sqlite'
      ? `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
      : `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()`
  return (await reader.all(sql)).map((row) => text(row, 'name')).sort()
}

function describeRow(row: Row): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  })
}
