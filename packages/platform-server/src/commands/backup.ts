import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BadConfiguration, type Config } from '../config.ts'
import { isEmptyDirectory } from '../data-directory.ts'
import { findInstanceId } from '../storage/installation.ts'
import { writeInstanceFile } from '../storage/instance-file.ts'
import { CONTROL_FILE, inspectControlDatabase } from '../storage/open.ts'
import { TOKEN_SECRET_FILE } from '../token-secret.ts'

/**
 * Copy the control plane's data, as of one moment, into a directory of its own; a server may be at work on it. To restore, copy the directory back.
 * The relay is left out: its bodies are gone when they say they are, and a copy would break that.
 *
 * @returns one line for the operator.
 * @throws StorageUnusable; BadConfiguration for a directory that is not empty, or another engine.
 */
export async function backup(config: Config, directory: string): Promise<string> {
  if (config.database) throw new BadConfiguration(['backup: PostgreSQL has its own, pg_dump'])
  if (!isEmptyDirectory(directory)) throw new BadConfiguration(['backup: expected a directory that is empty, or not there yet'])
  using inspection = inspectControlDatabase(config.dataDirectory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  inspection.copyTo(join(directory, CONTROL_FILE))
  const instanceId = await findInstanceId(inspection.reader)
  if (instanceId !== undefined) writeInstanceFile(directory, instanceId)
  copySecret(config.dataDirectory, directory)
  return `backup: schema ${inspection.schema}, as of now, in ${directory}`
}

/** Without it nobody can use the keys of relay tokens that lie in the database. */
function copySecret(from: string, to: string): void {
  const secret = join(from, TOKEN_SECRET_FILE)
  if (existsSync(secret)) copyFileSync(secret, join(to, TOKEN_SECRET_FILE))
}
