import { CliError, localState } from '../agent/cli-error.ts'
import {
  findLinks,
  hashOf,
  isElsewhere,
  MANIFEST,
  type Manifest,
  readFiles,
  readManifest,
  removeFile,
  writeFile,
} from './files.ts'
import type { Place } from './places.ts'

/** The skill as this program brings it along. */
export interface Shipped {
  /** Directory with its SKILL.md. */
  readonly source: string
  readonly version: string
}

/** `edited`: somebody changed a file of it since. `outdated`: another version wrote it. */
export type SkillState = 'absent' | 'installed' | 'outdated' | 'edited'

export interface SkillStatus extends Place {
  readonly state: SkillState
  readonly version?: string
}

/** How the skill is in a place. */
export function statusOf(shipped: Shipped, place: Place): SkillStatus {
  if (isElsewhere(place.path)) return { ...place, state: 'edited' }
  const there = readFiles(place.path)
  if (there.size === 0) return { ...place, state: 'absent' }
  const manifest = readManifest(place.path)
  const version = manifest === undefined ? {} : { version: manifest.version }
  if (editedFiles(shipped, place).length > 0) return { ...place, state: 'edited', ...version }
  const isCurrent = [...readShipped(shipped)].every(
    ([name, bytes]) => hashOf(bytes) === hashOf(there.get(name) ?? new Uint8Array()),
  )
  return { ...place, state: isCurrent && manifest?.version === shipped.version ? 'installed' : 'outdated', ...version }
}

/**
 * Put the skill into every place, or into none.
 *
 * @param isForced - Overwrite files that were edited. Files that never belonged to the skill are left alone in any case.
 * @returns The directories it is in.
 * @throws CliError `wrong_state` if a file of it was edited, or a link is where its directory belongs; nothing is written then.
 */
export function installSkill(
  shipped: Shipped,
  places: readonly Place[],
  { isForced, isDryRun }: { isForced: boolean; isDryRun: boolean },
): string[] {
  const files = readShipped(shipped)
  for (const place of places) refuseEdited(shipped, place, isForced)
  if (!isDryRun) for (const { path } of places) install(path, files, shipped.version)
  return places.map(({ path }) => path)
}

/**
 * Take the skill out of every place, or out of none.
 *
 * @returns The directories it was in.
 * @throws CliError as `installSkill`.
 */
export function uninstallSkill(
  shipped: Shipped,
  places: readonly Place[],
  { isForced, isDryRun }: { isForced: boolean; isDryRun: boolean },
): string[] {
  const present = places.filter((place) => statusOf(shipped, place).state !== 'absent')
  for (const place of present) refuseEdited(shipped, place, isForced)
  if (!isDryRun)
    for (const { path } of present) {
      const names = readManifest(path)?.files ?? Object.fromEntries(readShipped(shipped))
      for (const name of Object.keys(names)) removeFile(path, name)
      removeFile(path, MANIFEST)
    }
  return present.map(({ path }) => path)
}

function install(path: string, files: ReadonlyMap<string, Uint8Array>, version: string): void {
  const before = readManifest(path)?.files ?? {}
  for (const [name, bytes] of files) writeFile(path, name, bytes)
  for (const name of Object.keys(before)) if (!files.has(name)) removeFile(path, name)
  const hashes = Object.fromEntries([...files].map(([name, bytes]) => [name, hashOf(bytes)]))
  const manifest: Manifest = { version, files: hashes }
  writeFile(path, MANIFEST, `${JSON.stringify(manifest, undefined, 2)}\n`)
}

function refuseEdited(shipped: Shipped, place: Place, isForced: boolean): void {
  if (isElsewhere(place.path)) throw new CliError('wrong_state', `${place.path} is no directory of its own: it is left alone`)
  const [link] = findLinks(place.path)
  if (link !== undefined) throw new CliError('wrong_state', `${link} is a link: nothing is changed through it`)
  const edited = isForced ? [] : editedFiles(shipped, place)
  if (edited.length > 0)
    throw new CliError(
      'wrong_state',
      `edited since it was installed: ${edited.map((name) => `${place.path}/${name}`).join(', ')}`,
      {
        hint: 'keep a copy, then add --force',
      },
    )
}

/** Files of the skill that are neither as an installation wrote them nor as this version has them. */
function editedFiles(shipped: Shipped, { path }: Place): string[] {
  const written = readManifest(path)?.files ?? {}
  const ours = readShipped(shipped)
  const isOurs = (name: string) => Object.hasOwn(written, name) || ours.has(name)
  const isAsWritten = (name: string, bytes: Uint8Array) => {
    const hash = hashOf(bytes)
    const own = ours.get(name)
    return hash === written[name] || (own !== undefined && hash === hashOf(own))
  }
  return [...readFiles(path)].flatMap(([name, bytes]) => (isOurs(name) && !isAsWritten(name, bytes) ? [name] : []))
}

function readShipped({ source }: Shipped): Map<string, Uint8Array> {
  const files = readFiles(source)
  if (!files.has('SKILL.md')) throw localState(`the skill is missing in ${source}`, { hint: 'install this program again' })
  return files
}
