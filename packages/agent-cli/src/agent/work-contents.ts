import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

/** A file by what is in it: SHA-256, base64url. */
export interface NamedContent {
  readonly name: string
  readonly sha256: string
}

/** @returns whether two hand-overs are the same files, in any order. */
export function areSameContents(some: readonly NamedContent[], others: readonly NamedContent[]): boolean {
  return isDeepStrictEqual(linesOf(some), linesOf(others))
}

/**
 * One SHA-256 (hex) for a whole hand-over: of the file itself if there is one, else of the lines `sha256sum` prints for the files, sorted by name.
 */
export function contentsSha256(files: readonly NamedContent[]): string {
  const [only] = files
  if (only && files.length === 1) return toHex(only.sha256)
  return createHash('sha256').update(linesOf(files).join('')).digest('hex')
}

function linesOf(files: readonly NamedContent[]): string[] {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, sha256 }) => `${toHex(sha256)}  ${name}\n`)
}

function toHex(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('hex')
}
