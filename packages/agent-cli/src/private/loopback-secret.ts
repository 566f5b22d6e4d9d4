import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'
import { ensurePrivateDirectory, readPrivateFile, writePrivateFile } from './files.ts'

const SECRET_BYTES = 32
const SECRET = /^[A-Za-z0-9_-]{43}$/

/**
 * The secret that programs of this user show to this profile's loopback listener, made at first use and kept, so that they are configured once.
 *
 * @param directory - The profile's.
 * @throws CliError `local_state` if the file is open to others or damaged.
 */
export function loopbackSecret(directory: string): { readonly secret: string; readonly path: string } {
  const path = join(directory, 'mcp-secret')
  const kept = readPrivateFile(path)
  if (!kept) {
    ensurePrivateDirectory(directory)
    writePrivateFile(path, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`)
    return loopbackSecret(directory)
  }
  const secret = Buffer.from(kept).toString('utf8').trim()
  if (!SECRET.test(secret)) throw localState(`${path} is damaged`, { hint: 'remove it: the next start makes another' })
  return { secret, path }
}
