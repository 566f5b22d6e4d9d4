import { readFileSync } from 'node:fs'

const CONNECTIONS_MAX = 20_000
/** Where the system does not say how many files a process may have open. */
const OPEN_FILES_DEFAULT = 4_096
/** Databases, logs, and what a process needs besides. */
const RESERVED_FILES = 128

/** How many connections one plane may have: half of the files this process may have open, so that both planes together stay below. */
export function connectionsCap(openFiles = openFilesMax()): number {
  return Math.max(1, Math.min(CONNECTIONS_MAX, Math.floor((openFiles - RESERVED_FILES) / 2)))
}

function openFilesMax(): number {
  try {
    const [, soft] = /^Max open files +([0-9]+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return Number(soft ?? OPEN_FILES_DEFAULT)
  } catch {
    return OPEN_FILES_DEFAULT
  }
}
