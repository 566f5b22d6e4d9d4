import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../errors.ts'
import { BLOB_FOLDERS, type BlobRef, type BlobStore, folderOf } from './blob-store.ts'
import { hourOf, startOfHourMs } from './rules.ts'
import { writeChunks } from './write-chunks.ts'

const TEMPORARY = 'tmp'

/** Written and read at a time. */
const HEAP_BYTES = 512 * 1024

/** Reading leaves no time behind, where the system can do that (Linux). */
const READ_UNSEEN = constants.O_RDONLY | (constants.O_NOATIME ?? 0)

/**
 * Bodies as files: written to a temporary name, fsynced, renamed into one of 256 folders, and the folder fsynced.
 * Access and modification times of files and folders say the hour and no more.
 *
 * @param directory - Made if missing, 0700. What an earlier process left half-written in it is removed.
 */
export async function openBlobFiles(directory: string, now: () => number): Promise<BlobStore> {
  await rm(join(directory, TEMPORARY), { recursive: true, force: true })
  for (const folder of [TEMPORARY, ...BLOB_FOLDERS]) await mkdir(join(directory, folder), { recursive: true, mode: 0o700 })
  await syncFolder(directory)

  const pathOf = (ref: BlobRef) => join(directory, folderOf(ref), ref)
  const hourNow = () => new Date(startOfHourMs(hourOf(now())))
  const blurFolder = (folder: string) => utimes(join(directory, folder), hourNow(), hourNow())

  return {
    async put(ref, source) {
      const temporary = join(directory, TEMPORARY, ref)
      try {
        await writeDurably(temporary, source, hourNow())
        await rename(temporary, pathOf(ref))
        await syncFolder(join(directory, folderOf(ref)))
        await Promise.all([blurFolder(TEMPORARY), blurFolder(folderOf(ref))])
      } catch (error) {
        await rm(temporary, { force: true })
        await rm(pathOf(ref), { force: true })
        throw asRefusal(error)
      }
    },

    async open(ref) {
      try {
        const file = await open(pathOf(ref), READ_UNSEEN)
        return file.createReadStream({ highWaterMark: HEAP_BYTES })
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
    },

    async remove(ref) {
      await rm(pathOf(ref), { force: true })
      await blurFolder(folderOf(ref))
    },

    list: (folder) => readdir(join(directory, folder)),
  }
}

async function writeDurably(path: string, source: AsyncIterable<Uint8Array>, time: Date): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const heap of inHeaps(source)) await writeChunks(file, heap)
    await file.utimes(time, time)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Chunks of a connection are small; written one by one they cost a body of 4 MiB a hundred trips to the threads that write. */
async function* inHeaps(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  let heap: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    heap.push(chunk)
    bytes += chunk.length
    if (bytes < HEAP_BYTES) continue
    yield heap
    heap = []
    bytes = 0
  }
  if (bytes > 0) yield heap
}

/** Make the names in a folder survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function asRefusal(error: unknown): unknown {
  const isFull = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT'
  return isFull ? new Refusal('storage_full', 'the disk of the relay is full') : error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
