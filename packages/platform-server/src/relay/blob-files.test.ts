import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openBlobFiles } from './blob-files.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blobs-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((path) => path.length > 3)
}

describe('a store of bodies in files', () => {
  test.each(['ENOSPC', 'EDQUOT'])('says storage_full on %s and leaves nothing half-written', async (code) => {
    const blobs = await openBlobFiles(directory, Date.now)
    const full = failing(Object.assign(new Error('disk'), { code }))
    await expect(blobs.put(randomBytes(16).toString('hex'), full, 16_384)).rejects.toMatchObject({ code: 'storage_full' })
    expect(await filesIn(directory)).toEqual([])
  })

  test('passes another I/O error on as the fault it is, and leaves nothing half-written', async () => {
    const blobs = await openBlobFiles(directory, Date.now)
    const broken = failing(Object.assign(new Error('disk'), { code: 'EIO' }))
    await expect(blobs.put(randomBytes(16).toString('hex'), broken, 16_384)).rejects.toMatchObject({ code: 'EIO' })
    expect(await filesIn(directory)).toEqual([])
  })

  test('is for its owner alone, whatever the umask', async () => {
    const umask = process.umask(0)
    try {
      const own = join(directory, 'own')
      const blobs = await openBlobFiles(own, Date.now)
      await blobs.put('ab'.repeat(16), chunksOf(randomBytes(10)), 10)
      for (const path of ['', 'ab', 'tmp', join('ab', 'ab'.repeat(16))]) {
        expect((await stat(join(own, path))).mode & 0o077).toBe(0)
      }
    } finally {
      process.umask(umask)
    }
  })
})

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) yield bytes.subarray(offset, offset + 65_536)
}

async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  yield randomBytes(10_000)
  throw error
}
