import { readdirSync } from 'node:fs'

/** @returns whether nothing is in a directory, or no directory is there: a database may be made in it without being asked to. */
export function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true
    throw error
  }
}
