import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, Migration } from './database.ts'
import { translate } from './dialect.ts'

const FILE = /^([0-9]{4})-([a-z0-9-]+)\.sql$/
/** Its first line, where programs of another schema than the one right before are the oldest that still work after it. */
const WORKS_FROM = /^-- works from schema ([0-9]+)\n/

/**
 * Read a folder of migrations, `0001-what-it-does.sql`, numbered without gaps, in the words of an engine.
 *
 * The rule for what one may do is design/decisions/0026-two-versions-over-one-database.md.
 *
 * @throws Error when a file is misnamed or a number is missing: a fault of the release, not of the data.
 */
export function readMigrations(folder: string, engine: Database['engine']): Migration[] {
  return readdirSync(folder)
    .sort()
    .map((file, index) => {
      const [, number, name] = FILE.exec(file) ?? []
      if (!name || Number(number) !== index + 1) throw new Error(`migration ${file} is out of order`)
      const version = index + 1
      const text = readFileSync(join(folder, file), 'utf8')
      const worksFrom = Number(WORKS_FROM.exec(text)?.[1] ?? Math.max(1, version - 1))
      if (worksFrom < 1 || worksFrom > version) throw new Error(`migration ${file} works from a schema that is none`)
      return { version, name, sql: translate(text, engine), worksFrom }
    })
}
