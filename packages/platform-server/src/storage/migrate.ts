import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, Migration } from './database.ts'
import { translate } from './dialect.ts'

const FILE = /^([0-9]{4})-([a-z0-9-]+)\.sql$/

/**
 * Read a folder of migrations, `0001-what-it-does.sql`, numbered without gaps, in the words of an engine.
 *
 * @throws Error when a file is misnamed or a number is missing: a fault of the release, not of the data.
 */
export function readMigrations(folder: string, engine: Database['engine']): Migration[] {
  return readdirSync(folder)
    .sort()
    .map((file, index) => {
      const [, number, name] = FILE.exec(file) ?? []
      if (!name || Number(number) !== index + 1) throw new Error(`migration ${file} is out of order`)
      return { version: index + 1, name, sql: translate(readFileSync(join(folder, file), 'utf8'), engine) }
    })
}
