import { DatabaseSync } from 'node:sqlite'
import { localState } from '../agent/cli-error.ts'
import { ensurePrivateFile } from './files.ts'
import { resultCode, SQLITE_BUSY } from './sqlite-code.ts'

/** Held until it is released, or the process goes. */
export interface FileLock {
  release(): void
}

/**
 * Lock a file of its own, made if it is missing. The lock is the operating system's: it goes when the process goes, however that ends.
 * An open transaction is the lock; nothing is ever written.
 *
 * @param waitMs - How long to wait for another holder.
 * @returns `undefined` if another process holds it.
 * @throws CliError `local_state` if the file cannot be used.
 */
export function acquireFileLock(path: string, waitMs: number): FileLock | undefined {
  ensurePrivateFile(path)
  const db = new DatabaseSync(path, { timeout: waitMs })
  try {
    db.exec('BEGIN EXCLUSIVE')
    return { release: () => db.close() }
  } catch (error) {
    db.close()
    if (resultCode(error) === SQLITE_BUSY) return undefined
    throw localState(`cannot lock ${path}`, { cause: error })
  }
}
