import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openTestPlatform } from '../test/platform.ts'
import { LOG_FIELDS } from './log.ts'
import { RELAY_APPLICATION_ID, relayMigrations } from './relay/migrations.ts'
import type { Database } from './storage/database.ts'
import { text } from './storage/row.ts'
import { openSqlite } from './storage/sqlite.ts'

const page = readFileSync(join(import.meta.dirname, '../../../design/data-inventory.md'), 'utf8')

/** The part of the page under a heading of the second level. */
function section(title: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`))
  if (found === undefined) throw new Error(`the page has no section ${title}`)
  return found
}

/** Rows of the tables in a text: the name in the first cell, and whether every other cell says something. */
function rowsOf(markdown: string): { name: string; isComplete: boolean }[] {
  return [...markdown.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map(([, name = '', cells = '']) => ({
    name,
    isComplete: cells.split('|').every((cell) => cell.trim() !== ''),
  }))
}

/** `table.column` for every column that a section describes. */
function described(title: string): string[] {
  return section(title)
    .split(/^### /m)
    .slice(1)
    .flatMap((part) => {
      const table = /^`([a-z_]+)`/.exec(part)?.[1] ?? '?'
      return rowsOf(part).map(({ name }) => `${table}.${name}`)
    })
    .sort()
}

/** `table.column` for every column that a database has. */
function stored(db: Database): Promise<string[]> {
  return db.read(async (reader) => {
    const rows = await reader.all(
      `SELECT m.name || '.' || c.name AS place FROM sqlite_master m JOIN pragma_table_info(m.name) c
       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
    )
    return rows.map((row) => text(row, 'place')).sort()
  })
}

describe('the data inventory', () => {
  test('describes every column of the control plane, and no other', async () => {
    await using platform = await openTestPlatform()

    expect(described('Control plane')).toEqual(await stored(platform.deps.db))
  })

  test('describes every column of the relay, and no other', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'inventory-'))
    const file = {
      path: join(directory, 'relay.sqlite'),
      applicationId: RELAY_APPLICATION_ID,
      migrations: relayMigrations,
      create: true,
    }
    const db = openSqlite(file)
    try {
      expect(described('Relay')).toEqual(await stored(db))
    } finally {
      await db.close()
      rmSync(directory, { recursive: true })
    }
  })

  test('says of everything why it is there, who reads it and when it goes', () => {
    expect(rowsOf(page).filter(({ isComplete }) => !isComplete)).toEqual([])
    expect(rowsOf(page).length).toBeGreaterThan(150)
  })

  test('describes every field that a log line can have, and no other', async () => {
    const line = await logLine({
      ...Object.fromEntries(LOG_FIELDS.map((name) => [name, 1])),
      prompt: 'write a poem',
      agentId: 'alpha',
    })

    expect(
      rowsOf(section('Log'))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(line).sort())
  })
})

/** What the log writes when it is given these fields. */
async function logLine(fields: object): Promise<object> {
  const module = join(import.meta.dirname, 'log.ts')
  const script = `import { createLog } from ${JSON.stringify(module)}; createLog('info').info('something', ${JSON.stringify(fields)})`
  const args = ['--conditions=source', '--input-type=module', '--eval', script]
  const { stderr } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stderr) as object
}
