import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export const INSTANCE_FILE = 'instance-id'

/** The installation that a data directory belongs to. A database of another one in it is a mistake that must not be written to. */
export function readInstanceFile(directory: string): string | undefined {
  const path = join(directory, INSTANCE_FILE)
  return existsSync(path) ? readFileSync(path, 'latin1').trim() : undefined
}

/** Note durably to which installation a data directory belongs, if it is not noted yet. */
export function writeInstanceFile(directory: string, instanceId: string): void {
  const path = join(directory, INSTANCE_FILE)
  if (existsSync(path)) return
  const unfinished = `${path}.new`
  const file = openSync(unfinished, 'w', 0o600)
  writeSync(file, `${instanceId}\n`)
  fsyncSync(file)
  closeSync(file)
  renameSync(unfinished, path)
  syncDirectory(directory)
}

/** A new database makes a new installation of the directory. */
export function removeInstanceFile(directory: string): void {
  rmSync(join(directory, INSTANCE_FILE), { force: true })
}

/** Make names in a directory durable. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
