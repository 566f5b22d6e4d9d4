import { readdirSync } from 'node:fs'
import { isLeftover } from './storage/sqlite-file.ts'

/** @returns whether no data is in a directory, or no directory is there: a database may be made in it without being asked to. */
export function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(path).every(isLeftover)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true
    throw error
  }
}
