import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type CliError, localState } from '../agent/cli-error.ts'

export const PRIVATE_FILE_MODE = 0o600
export const PRIVATE_DIRECTORY_MODE = 0o700

const OTHERS = 0o077

/**
 * Make a directory only its owner can enter, whatever the umask; parents that are missing are made the same way.
 * One that exists stays as it is, and must belong to this user and be closed to others.
 *
 * @throws CliError `local_state` if it cannot be made, is somebody else's or is open to others.
 */
export function ensurePrivateDirectory(path: string): void {
  const what = `the directory ${path}`
  const stat = guard(what, () => {
    makeDirectory(path)
    return statSync(path)
  })
  if (!stat.isDirectory()) throw localState(`${path} is not a directory`)
  refuseExposed(what, stat, `chmod 700 '${path}'`)
}

/** One by one, because a strict umask would lock us out of the parent before its child is made. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: PRIVATE_DIRECTORY_MODE })
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return // another process was faster, and sets the mode
    throw error
  }
  chmodSync(path, PRIVATE_DIRECTORY_MODE)
}

/**
 * Read a private file whole.
 *
 * @returns `undefined` if there is none.
 * @throws CliError `local_state` if it is not a plain file, is somebody else's, can be read or written by others, or cannot be read.
 */
export function readPrivateFile(path: string): Uint8Array | undefined {
  return guard(path, () => {
    // O_NONBLOCK so that a FIFO in place of the file is refused instead of waited for.
    const file = openIfExists(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (file === undefined) return undefined
    try {
      const stat = fstatSync(file)
      if (!stat.isFile()) throw localState(`${path} is not a plain file`)
      refuseExposed(path, stat, `chmod 600 '${path}'`)
      return new Uint8Array(readFileSync(file))
    } finally {
      closeSync(file)
    }
  })
}

/**
 * Replace a private file: mode 0600 whatever the umask, and after a crash at any point either the old bytes or the new ones.
 *
 * @throws CliError `local_state` if it cannot be written (full disk, read-only, no permission).
 */
export function writePrivateFile(path: string, bytes: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
  guard(path, () => {
    try {
      const file = openSync(
        temporary,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        PRIVATE_FILE_MODE,
      )
      try {
        fchmodSync(file, PRIVATE_FILE_MODE)
        writeFileSync(file, bytes)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
    syncDirectory(dirname(path))
  })
}

/** Make the file exist as an empty private one, or check the one that is there. */
export function ensurePrivateFile(path: string): void {
  guard(path, () => {
    const file = openSync(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      PRIVATE_FILE_MODE,
    )
    try {
      const stat = fstatSync(file)
      if (!stat.isFile()) throw localState(`${path} is not a plain file`)
      // An empty file may have been made a moment ago by this call under a umask that took our own bits away.
      if (stat.size === 0 && isOurs(stat)) fchmodSync(file, PRIVATE_FILE_MODE)
      else refuseExposed(path, stat, `chmod 600 '${path}'`)
    } finally {
      closeSync(file)
    }
  })
}

/** Remove a private file; one that is not there is fine. */
export function removePrivateFile(path: string): void {
  guard(path, () => rmSync(path, { force: true }))
}

/** Rename is durable only once the directory that holds the name is. */
function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function refuseExposed(what: string, stat: { uid: number; mode: number }, remedy: string): void {
  if (process.platform === 'win32') return
  if (!isOurs(stat)) throw localState(`${what} belongs to another user`)
  if ((stat.mode & OTHERS) !== 0)
    throw localState(`${what} is open to other users (mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')})`, {
      hint: remedy,
    })
}

function isOurs(stat: { uid: number }): boolean {
  return process.getuid === undefined || stat.uid === process.getuid()
}

function openIfExists(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Run file system calls; what the system refuses becomes `local_state` in words. */
function guard<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw inWords(what, error) ?? error
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a file is in its place',
  EISDIR: 'it is a directory',
  ELOOP: 'it is a symbolic link',
  ENXIO: 'it is not a plain file',
  ENAMETOOLONG: 'the path is too long',
  EMFILE: 'too many files are open',
  EIO: 'the disk reports an error',
  ENOENT: 'it is not there',
}

function inWords(what: string, error: unknown): CliError | undefined {
  const reason = REASONS[errnoOf(error) ?? '']
  return reason === undefined ? undefined : localState(`cannot use ${what}: ${reason}`, { cause: error })
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
