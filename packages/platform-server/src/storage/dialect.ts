import type { Database } from './database.ts'

/** A line that says for which engine the next lines are; `-- both` ends it. */
const SECTION = /^-- (sqlite|postgres|both)$/

/**
 * Say a migration in the words of an engine. Migrations are written once, in SQLite's words:
 *
 * | SQLite | PostgreSQL | because |
 * |---|---|---|
 * | `INTEGER` | `BIGINT` | money and times are int64 |
 * | `BLOB` | `BYTEA` | |
 * | `TEXT` | `TEXT COLLATE "C"` | ids sort by their bytes on every engine, whatever the database's language |
 * | `STRICT` after a table | nothing | PostgreSQL is always strict |
 *
 * What only one engine can do stands between a line `-- sqlite` or `-- postgres` and a line `-- both`.
 */
export function translate(sql: string, engine: Database['engine']): string {
  let section = 'both'
  const lines = sql.split('\n').filter((line) => {
    const [, named] = SECTION.exec(line.trim()) ?? []
    if (named) section = named
    return !named && (section === 'both' || section === engine)
  })
  if (engine === 'sqlite') return lines.join('\n')
  return lines
    .join('\n')
    .replaceAll(/\bINTEGER\b/g, 'BIGINT')
    .replaceAll(/\bBLOB\b/g, 'BYTEA')
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replaceAll(/\) STRICT\b/g, ')')
}
