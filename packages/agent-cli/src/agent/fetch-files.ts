import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkPlan, partRange, type SealedArtifact } from '@agent-marketplace/protocol/sealing'
import { FileNameError, safeFileName } from '../daemon/file-name.ts'
import { downloadedParts, forgetDownload, markDownloaded } from '../private/transfers.ts'
import type { Agent } from './agent.ts'
import { CliError, localState, usage } from './cli-error.ts'
import { ContentError } from './content-error.ts'
import { fetchPart } from './fetch-bytes.ts'
import { forEachPart, missingParts } from './for-each-part.ts'
import type { OnProgress } from './seal-files.ts'
import { hashFile } from './source-file.ts'

/** The most all files of one hand-over may have together: a sender states any size it likes. */
const FETCH_BYTES_MAX = 2 ** 40

export interface FilesToFetch {
  readonly artifacts: readonly SealedArtifact[]
  /** Where to; made (0700) if it is missing. */
  readonly directory: string
  readonly bytesMax?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** A file that is here: its bytes have the SHA-256 (base64url) that was described. */
export interface FetchedFile {
  readonly name: string
  readonly path: string
  readonly sha256: string
}

/**
 * Download artifacts, several parts at a time, each file into a partial one that gets its name only when all of it is there and its hash fits.
 * Interrupted at any point, the same call downloads what is missing. A file that is there already with these bytes is left as it is.
 *
 * @throws ContentError if a part is gone or was changed, or a file is not the one that was described.
 * @throws CliError `usage` for names that are unsafe, double or taken, and above `bytesMax`; `local_state` if the disk refuses.
 */
export async function fetchFiles(
  agent: Agent,
  { artifacts, directory, bytesMax = FETCH_BYTES_MAX, signal, onProgress }: FilesToFetch,
): Promise<FetchedFile[]> {
  refuseUnsafe(artifacts)
  const bytes = artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0)
  if (bytes > bytesMax) throw usage(`these files have ${bytes} bytes, more than the ${bytesMax} allowed here`)
  await inWords(directory, mkdir(directory, { recursive: true, mode: 0o700 }))

  const files: FetchedFile[] = []
  for (const artifact of artifacts) {
    const { name, sha256 } = artifact
    const path = join(resolve(directory), name)
    if (!(await isThere(path, sha256))) await fetchFile(agent, artifact, path, { signal, onProgress })
    files.push({ name, path, sha256 })
  }
  return files
}

async function fetchFile(
  agent: Agent,
  artifact: SealedArtifact,
  path: string,
  { signal, onProgress }: Pick<FilesToFetch, 'signal' | 'onProgress'>,
): Promise<void> {
  const { vault } = agent
  const plan = checkPlan(artifact)
  if (!plan) throw new ContentError('content_mismatch', 'the parts of the artifact are not the ones its size makes')
  const partial = partialOf(path)
  const { file, isFresh } = await openPartial(partial)
  try {
    if (isFresh) forgetDownload(vault, path)
    const done = downloadedParts(vault, path, artifact.sha256)
    const report = () => onProgress?.(done.size * plan.partBytes, plan.parts * plan.partBytes)
    report()
    const rooms: Uint8Array[] = []
    await forEachPart(missingParts(plan.parts, done), signal, async (part) => {
      const room = rooms.pop() ?? new Uint8Array(plan.partBytes)
      const data = await fetchPart(agent, artifact, part, room)
      await inWords(partial, writeAll(file, data, partRange(plan, part).start))
      rooms.push(room)
      markDownloaded(vault, path, artifact.sha256, part)
      done.add(part)
      report()
    })
    // An earlier, longer file may have been begun under this name.
    await inWords(partial, file.truncate(artifact.bytes))
    // The disk writes while the processor hashes.
    const [sha256] = await Promise.all([hashFile(file), inWords(partial, file.sync())])
    if (sha256 !== artifact.sha256) {
      await rm(partial, { force: true })
      throw new ContentError('content_mismatch', `${artifact.name} is not the file its sender described`)
    }
    await finish(partial, path, artifact.sha256)
  } catch (error) {
    // Nothing came that another call could go on from, here or in another process.
    if (downloadedParts(vault, path, artifact.sha256).size === 0) await rm(partial, { force: true })
    throw error
  } finally {
    await file.close()
  }
  forgetDownload(vault, path)
}

function refuseUnsafe(artifacts: readonly SealedArtifact[]): void {
  try {
    for (const { name } of artifacts) safeFileName(name)
  } catch (error) {
    if (error instanceof FileNameError) throw usage(`the sender named a file in an unsafe way: ${error.message}`)
    throw error
  }
  // Some file systems know no case.
  const names = new Set(artifacts.map(({ name }) => name.normalize('NFC').toLowerCase()))
  if (names.size !== artifacts.length) throw usage('the sender gave two files the same name')
}

/** @returns whether the wanted file is there. @throws CliError `usage` if something else has its name. */
async function isThere(path: string, sha256: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => undefined)
  if (!stat) return false
  if (stat.isFile()) {
    await using file = await inWords(path, open(path, constants.O_RDONLY | constants.O_NOFOLLOW), 'open')
    if ((await hashFile(file)) === sha256) return true
  }
  throw usage(`${path} is there already and is something else`, 'choose another directory')
}

/** Beside the file, under a name no sender can choose to collide with: names of a hand-over may be as long as names can be. */
function partialOf(path: string): string {
  return join(path, '..', `.${createHash('sha256').update(path).digest('hex').slice(0, 32)}.partial`)
}

async function openPartial(path: string): Promise<{ file: FileHandle; isFresh: boolean }> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  const stat = await lstat(path).catch(() => undefined)
  return { file: await inWords(path, open(path, flags, 0o600)), isFresh: stat === undefined }
}

async function writeAll(file: FileHandle, data: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < data.length; )
    written += (await file.write(data, written, data.length - written, position + written)).bytesWritten
}

/** Give the file its name, unless another process was faster with the same file. */
async function finish(partial: string, path: string, sha256: string): Promise<void> {
  if (await isThere(path, sha256)) return rm(partial, { force: true })
  await inWords(path, rename(partial, path))
  await using directory = await open(join(path, '..'), constants.O_RDONLY)
  await directory.sync()
}

/** Codes of the disk that need words. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EEXIST: 'there is a file in the way',
  ENOTDIR: 'there is a file in the way',
}

/** What the disk refuses, in words. */
async function inWords<T>(path: string, action: Promise<T>, verb: 'open' | 'write' = 'write'): Promise<T> {
  try {
    return await action
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error
    throw localState(`cannot ${verb} ${path}: ${REFUSALS[String(error.code)] ?? String(error.code)}`, {
      cause: error,
    })
  }
}
