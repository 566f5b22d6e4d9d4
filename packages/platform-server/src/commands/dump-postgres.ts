import { execFile } from 'node:child_process'
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { BadConfiguration } from '../config.ts'
import { syncDirectory } from '../storage/instance-file.ts'
import { StorageUnusable } from '../storage/open-error.ts'

const PROGRAM = 'pg_dump'
/** One file that `pg_restore` reads, compressed. */
const FORMAT = '--format=custom'

/**
 * Write a whole and durable dump of a PostgreSQL database, of one moment, by PostgreSQL's own `pg_dump`, which must be on the PATH and not be older
 * than the server. Servers go on writing meanwhile.
 *
 * @param url - The database. Its password is passed in the environment: what stands on a command line can be read by everybody on the machine.
 * @param path - Does not exist yet.
 * @throws BadConfiguration when there is no `pg_dump`; StorageUnusable with its first line when it fails.
 */
export async function dumpPostgres(url: string, path: string): Promise<void> {
  const address = new URL(url)
  const env = { ...process.env, ...(address.password && { PGPASSWORD: decodeURIComponent(address.password) }) }
  address.password = ''
  const unfinished = `${path}.new`
  try {
    await promisify(execFile)(PROGRAM, [FORMAT, '--no-password', `--file=${unfinished}`, `--dbname=${address.href}`], { env })
  } catch (error) {
    // A part of a dump is of no use, and takes room that may be what was missing.
    rmSync(unfinished, { force: true })
    throw explain(error)
  }
  chmodSync(unfinished, 0o600)
  const file = openSync(unfinished, 'r+')
  fsyncSync(file)
  closeSync(file)
  renameSync(unfinished, path)
  syncDirectory(dirname(path))
}

function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if ('code' in error && error.code === 'ENOENT')
    return new BadConfiguration([
      `backup: ${PROGRAM} is not on the PATH; install the client programs of your PostgreSQL's version`,
    ])
  const said = 'stderr' in error ? String(error.stderr).trim().split('\n').at(0) : undefined
  return new StorageUnusable(`backup: ${said || error.message}`)
}
