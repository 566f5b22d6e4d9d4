import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { CliError, usage } from './cli-error.ts'

/** The longest file that is read into memory: as long as the longest document. */
export const FILE_BYTES_MAX = 8 * 1024 * 1024

/**
 * Read a file that the user names, whole.
 *
 * @throws CliError `usage` if it cannot be read, has more than `bytesMax`, or is no plain file: a pipe would be waited for, a device never ends.
 */
export function readPlainFile(path: string, bytesMax = FILE_BYTES_MAX): Uint8Array {
  try {
    // Without waiting, so that a pipe in place of a file is refused and not read.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = fstatSync(file)
      if (!stat.isFile()) throw usage(`${path} is not a plain file`)
      if (stat.size > bytesMax) throw tooLong(path, bytesMax)
      return new Uint8Array(readFileSync(file))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof CliError) throw error
    throw usage(`cannot read ${path}: ${error instanceof Error && 'code' in error ? error.code : 'unknown error'}`)
  }
}

/** Bytes as text. @throws CliError `usage` if they are none: what a reader would see instead is not what was written. */
export function asText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw usage(`${what} is not UTF-8 text`, 'hand it over as a file')
  }
}

export function tooLong(what: string, bytesMax: number): CliError {
  return usage(`${what} has more than ${bytesMax} bytes`)
}
