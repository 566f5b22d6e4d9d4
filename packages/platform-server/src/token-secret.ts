import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StorageUnusable } from './storage/open-error.ts'

export const TOKEN_SECRET_FILE = 'relay-tokens.key'

const SECRET_BYTES = 32
const OTHERS = 0o077

/**
 * Read the secret under which the keys that sign relay tokens lie in the database, or make it with the first start.
 * It is a file beside the database and not in it, so that a copy of the database signs nothing.
 *
 * @returns 32 bytes.
 * @throws StorageUnusable if the file is open to others or is not such a secret.
 */
export function openTokenSecret(directory: string): Uint8Array {
  const path = join(directory, TOKEN_SECRET_FILE)
  return readSecret(path) ?? makeSecret(path)
}

function readSecret(path: string): Uint8Array | undefined {
  const file = openIfThere(path)
  if (file === undefined) return undefined
  try {
    if (process.platform !== 'win32' && (fstatSync(file).mode & OTHERS) !== 0)
      throw new StorageUnusable(`${path} is open to other users: chmod 600`)
    const secret = readFileSync(file)
    if (secret.length !== SECRET_BYTES) throw new StorageUnusable(`${path} is not a secret of ${SECRET_BYTES} bytes`)
    return new Uint8Array(secret)
  } finally {
    closeSync(file)
  }
}

/** A link fails where a name exists, so of several processes that start at once all go on with the secret of one. */
function makeSecret(path: string): Uint8Array {
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(file, randomBytes(SECRET_BYTES))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const secret = readSecret(path)
  if (!secret) throw new StorageUnusable(`${path} cannot be made`)
  return secret
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
