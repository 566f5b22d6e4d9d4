import { readFileSync } from 'node:fs'
import { readPrivateFile } from '../private/files.ts'
import { usage } from './cli-error.ts'
import { asText, FILE_BYTES_MAX, readPlainFile, tooLong } from './read-file.ts'

const STDIN = '-'
const FILE = '@'

/**
 * Read an argument that is a text, `@file` or `-` for stdin.
 *
 * @throws CliError `usage` as `readPlainFile`, and for bytes that are no text.
 */
export function readText(argument: string): string {
  if (argument !== STDIN && !argument.startsWith(FILE)) return argument
  const what = argument === STDIN ? 'stdin' : argument.slice(1)
  const bytes = argument === STDIN ? readFileSync(process.stdin.fd) : readPlainFile(what)
  if (bytes.length > FILE_BYTES_MAX) throw tooLong(what, FILE_BYTES_MAX)
  return asText(bytes, what)
}

/**
 * Read a secret from `@file` (0600, ours) or `-` (stdin), without the line end. Never from the argument itself: other users see those.
 *
 * @param what - Names the secret in messages; the secret never is.
 * @throws CliError `usage` if it is given on the command line or empty; `local_state` if the file is open to others.
 */
export function readSecret(argument: string, what: string): string {
  if (argument !== STDIN && !argument.startsWith(FILE))
    throw usage(
      `${what} must not be on the command line, where others can see it`,
      `put it into a file of mode 600 and name that: @file, or use - for stdin`,
    )
  const text = argument === STDIN ? readFileSync(process.stdin.fd, 'utf8') : readSecretFile(argument.slice(1))
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw usage(`${what} is empty`)
  return secret
}

function readSecretFile(path: string): string {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw usage(`there is no file ${path}`)
  return Buffer.from(bytes).toString('utf8')
}
