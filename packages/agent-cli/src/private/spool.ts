import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { derivePart } from '@agent-marketplace/protocol/sealing'
import { ensurePrivateDirectory, readPrivateFile, writePrivateFile } from './files.ts'

/** Sealed parts of files that rest before they are uploaded: `<profile>/spool/<name of the key>/<part>`, 0600, until the relay has them. */
const SPOOL = 'spool'

/** A profile's directory, and the key of the artifact: what was sealed under another key never lies where this one looks. */
export interface SpoolOf {
  readonly directory: string
  readonly artifactKey: Uint8Array
}

/** Whether a part lies in the spool, whole. */
export function isInSpool(of: SpoolOf, part: number): boolean {
  return existsSync(pathOf(of, part))
}

/** Keep a sealed part, durably. @throws CliError `local_state` if the disk refuses. */
export function writeToSpool(of: SpoolOf, part: number, body: Uint8Array): void {
  ensurePrivateDirectory(directoryOf(of))
  writePrivateFile(pathOf(of, part), body)
}

/** A sealed part; `undefined` if it is not here. */
export function readFromSpool(of: SpoolOf, part: number): Uint8Array | undefined {
  return readPrivateFile(pathOf(of, part))
}

/** Remove what is left of an artifact. */
export function removeFromSpool(of: SpoolOf): void {
  rmSync(directoryOf(of), { recursive: true, force: true })
}

/** Remove what artifacts left that no upload knows any more. @param listKeys - Keys of all uploads; asked after the spool was read, since others add to both. */
export function sweepSpool(directory: string, listKeys: () => readonly Uint8Array[]): void {
  const spool = join(directory, SPOOL)
  const names = existsSync(spool) ? readdirSync(spool) : []
  if (names.length === 0) return
  const known = new Set(listKeys().map(nameOf))
  for (const name of names) if (!known.has(name)) rmSync(join(spool, name), { recursive: true, force: true })
}

function nameOf(artifactKey: Uint8Array): string {
  return Buffer.from(derivePart(artifactKey, 0).slotId).toString('hex')
}

function directoryOf({ directory, artifactKey }: SpoolOf): string {
  return join(directory, SPOOL, nameOf(artifactKey))
}

function pathOf(of: SpoolOf, part: number): string {
  return join(directoryOf(of), String(part))
}
