import { createHash, randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize, relative } from 'node:path'

/** Beside SKILL.md: what was installed, to tell later what was edited. */
export const MANIFEST = '.installed.json'

/** Hashes (SHA-256, hex) of files, by their path below the skill. */
export type Hashes = Readonly<Record<string, string>>

export interface Manifest {
  readonly version: string
  readonly files: Hashes
}

/** Every file below a directory, with its bytes; nothing of one that is not there. Links are not followed and not listed. */
export function readFiles(directory: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const entry of listEntries(directory)) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(relative(directory, path), readFileSync(path))
  }
  files.delete(MANIFEST)
  return files
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What the last installation wrote, or `undefined` if there was none or it cannot be read: then everything counts as edited. */
export function readManifest(directory: string): Manifest | undefined {
  try {
    const { version, files } = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as Manifest
    const isManifest = typeof version === 'string' && typeof files === 'object' && files !== null
    return isManifest && Object.keys(files).every(isBelow) ? { version, files } : undefined
  } catch {
    return undefined
  }
}

/** A manifest may come with a project of somebody else: it names files of the skill and no others. */
function isBelow(name: string): boolean {
  return !isAbsolute(name) && !normalize(name).startsWith('..')
}

/** Links below a directory. Nothing is written or removed through one. */
export function findLinks(directory: string): string[] {
  return listEntries(directory).flatMap((entry) => (entry.isSymbolicLink() ? [join(entry.parentPath, entry.name)] : []))
}

/** Put a file in place all at once. */
export function writeFile(directory: string, name: string, bytes: Uint8Array | string): void {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}`
  writeFileSync(temporary, bytes)
  renameSync(temporary, path)
}

/** Remove a file and the directories it leaves empty, up to and with `directory`. */
export function removeFile(directory: string, name: string): void {
  rmSync(join(directory, name), { force: true })
  for (let parent = dirname(join(directory, name)); parent.startsWith(directory); parent = dirname(parent)) {
    if (!isEmpty(parent)) return
    rmdirSync(parent)
  }
}

/** Whether something is there that is no directory of its own, such as a link to one. */
export function isElsewhere(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat !== undefined && !stat.isDirectory()
}

function isEmpty(directory: string): boolean {
  return lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === true && readdirSync(directory).length === 0
}

function listEntries(directory: string) {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
}
