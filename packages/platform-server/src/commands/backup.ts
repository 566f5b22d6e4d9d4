import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { BadConfiguration, type Config } from '../config.ts'
import { isEmptyDirectory } from '../data-directory.ts'
import { findInstanceId } from '../storage/installation.ts'
import { syncDirectory, writeInstanceFile } from '../storage/instance-file.ts'
import { CONTROL_FILE, inspectControlDatabase } from '../storage/open.ts'
import { TOKEN_SECRET_FILE } from '../token-secret.ts'
import { readControlData } from './control-reader.ts'
import { dumpPostgres } from './dump-postgres.ts'

const DUMP_FILE = 'platform.dump'

/**
 * Copy the control plane's data, as of one moment, into a directory of its own; a server may be at work on it. To restore, copy the directory back;
 * a dump of PostgreSQL is read back by `pg_restore` (design/operations.md).
 * The relay is left out: its bodies are gone when they say they are, and a copy would break that.
 *
 * @returns one line for the operator.
 * @throws StorageUnusable; BadConfiguration for a directory that is not empty, or when the program that dumps is not there.
 */
export async function backup(config: Config, directory: string): Promise<string> {
  if (!isEmptyDirectory(directory)) throw new BadConfiguration(['backup: expected a directory that is empty, or not there yet'])
  if (config.database) return backupPostgres(config, config.database, directory)
  using inspection = inspectControlDatabase(config.dataDirectory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  // The database comes last: a directory without it is no backup, whatever kept it from being one.
  const instanceId = await findInstanceId(inspection.reader)
  if (instanceId !== undefined) writeInstanceFile(directory, instanceId)
  copySecret(config.dataDirectory, directory)
  inspection.copyTo(join(directory, CONTROL_FILE))
  return `backup: schema ${inspection.schema}, as of now, in ${directory}`
}

async function backupPostgres(config: Config, url: string, directory: string): Promise<string> {
  // It must be a database of this program, and of this version, before anything is made.
  await readControlData(config, findInstanceId)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  copySecret(config.dataDirectory, directory)
  await dumpPostgres(url, join(directory, DUMP_FILE))
  return `backup: PostgreSQL, as of now, in ${directory}`
}

/** Without it nobody can use the keys of relay tokens that lie in the database. */
function copySecret(from: string, to: string): void {
  const secret = join(from, TOKEN_SECRET_FILE)
  if (!existsSync(secret)) return
  const copy = join(to, TOKEN_SECRET_FILE)
  copyFileSync(secret, copy)
  const file = openSync(copy, 'r+')
  fsyncSync(file)
  closeSync(file)
  syncDirectory(to)
}
