import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { localState } from '../agent/cli-error.ts'
import { ensurePrivateDirectory, ensurePrivateFile, readPrivateFile, removePrivateFile, writePrivateFile } from './files.ts'

const LOCK_FILE = 'daemon.lock'
const INFO_FILE = 'daemon.json'
/** Whoever only asks holds the lock for an instant: that is waited out by whoever wants it. */
const ACQUIRE_MS = 500
const SQLITE_BUSY = 5

/** Who runs the daemon of a profile. */
export interface DaemonInfo {
  readonly pid: number
  readonly agentId: string
  readonly sinceMs: number
}

export interface DaemonLock {
  release(): void
}

/**
 * Be the one daemon of a profile. The lock is the operating system's: it goes when the process goes, however that ends.
 *
 * @returns `undefined` if another process holds it.
 * @throws CliError `local_state` if the profile's directory cannot be used.
 */
export function acquireDaemonLock(directory: string, info: DaemonInfo): DaemonLock | undefined {
  const db = lock(directory, ACQUIRE_MS)
  if (!db) return undefined
  const path = join(directory, INFO_FILE)
  removePrivateFile(path)
  writePrivateFile(path, JSON.stringify(info))
  return {
    release() {
      removePrivateFile(path)
      db.close()
    },
  }
}

/** @returns who runs the daemon of this profile now, or `undefined` if nobody does. */
export function findDaemon(directory: string): DaemonInfo | undefined {
  const db = lock(directory, 0)
  if (db) {
    db.close()
    return undefined
  }
  const bytes = readPrivateFile(join(directory, INFO_FILE))
  if (!bytes) throw localState('a daemon is just starting', { hint: 'ask again in a moment' })
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as DaemonInfo
}

/** An open transaction is the lock; nothing is ever written. */
function lock(directory: string, timeout: number): DatabaseSync | undefined {
  ensurePrivateDirectory(directory)
  const path = join(directory, LOCK_FILE)
  ensurePrivateFile(path)
  const db = new DatabaseSync(path, { timeout })
  try {
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw localState(`cannot lock ${path}`, { cause: error })
  }
}
