import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeChunks } from './write-chunks.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chunks-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

test.each([0, 1, 99, 100, 101, 250, 299, 300])(
  'chunks are all there where the disk takes %d of their 300 bytes at first',
  async (takes) => {
    const path = join(directory, String(takes))
    const [head, body] = [randomBytes(10), randomBytes(300)]
    const chunks = [0, 100, 200].map((start) => new Uint8Array(body.subarray(start, start + 100)))
    await using file = await open(path, 'wx')
    await file.writeFile(head)
    await writeChunks(reluctant(file, body.subarray(0, takes)), chunks)

    expect(await readFile(path)).toEqual(Buffer.concat([head, body]))
    expect(chunks.map(({ length }) => length)).toEqual([0, 0, 0])
  },
)

/** A file on a disk that takes only these of all the bytes of several chunks. */
function reluctant(file: FileHandle, taken: Uint8Array): Pick<FileHandle, 'writev' | 'writeFile'> {
  return {
    async writev(chunks) {
      const { bytesWritten } = await file.write(taken)
      return { bytesWritten, buffers: chunks }
    },
    writeFile: (data) => file.writeFile(data),
  }
}
