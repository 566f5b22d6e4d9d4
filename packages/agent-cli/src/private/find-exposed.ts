import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const OTHERS = 0o077
/** What workers are given and leave there is theirs. */
const OF_JOBS: ReadonlySet<string> = new Set(['jobs', 'reviews'])

/**
 * Files and directories of a profile that others than this user can read or write, or that belong to somebody else.
 *
 * @returns Their paths, with the directory itself where that is one.
 */
export function findExposed(directory: string): string[] {
  const entries: Dirent[] = readdirSync(directory, { withFileTypes: true })
  const below = entries.flatMap((entry) => {
    const path = join(directory, entry.name)
    return entry.isDirectory() && !OF_JOBS.has(entry.name) ? findExposed(path) : isExposed(path) ? [path] : []
  })
  return isExposed(directory) ? [directory, ...below] : below
}

function isExposed(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return false
  return (!stat.isSymbolicLink() && (stat.mode & OTHERS) !== 0) || (process.getuid !== undefined && stat.uid !== process.getuid())
}
