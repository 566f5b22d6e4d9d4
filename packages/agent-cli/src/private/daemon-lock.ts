import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'
import { acquireFileLock, type FileLock } from './file-lock.ts'
import { ensurePrivateDirectory, readPrivateFile, removePrivateFile, writePrivateFile } from './files.ts'

const LOCK_FILE = 'daemon.lock'
const INFO_FILE = 'daemon.json'
/** Whoever only asks holds the lock for an instant: that is waited out by whoever wants it. */
const ACQUIRE_MS = 500

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
  const held = lock(directory, ACQUIRE_MS)
  if (!held) return undefined
  const path = join(directory, INFO_FILE)
  removePrivateFile(path)
  writePrivateFile(path, JSON.stringify(info))
  return {
    release() {
      removePrivateFile(path)
      held.release()
    },
  }
}

/** @returns who runs the daemon of this profile now, or `undefined` if nobody does. */
export function findDaemon(directory: string): DaemonInfo | undefined {
  const held = lock(directory, 0)
  if (held) {
    held.release()
    return undefined
  }
  const bytes = readPrivateFile(join(directory, INFO_FILE))
  if (!bytes) throw localState('a daemon is just starting', { hint: 'ask again in a moment' })
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as DaemonInfo
}

function lock(directory: string, waitMs: number): FileLock | undefined {
  ensurePrivateDirectory(directory)
  return acquireFileLock(join(directory, LOCK_FILE), waitMs)
}
