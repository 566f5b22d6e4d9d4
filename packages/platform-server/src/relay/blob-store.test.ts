import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openBlobBucket, openBucket } from './blob-bucket.ts'
import { openBlobFiles } from './blob-files.ts'
import { BLOB_FOLDERS, type BlobStore } from './blob-store.ts'
import { BUCKET_CREDENTIALS, bytesUnder, startTestBucket, type TestBucket } from './test-bucket.ts'

let directory: string
let service: TestBucket
let places = 0
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blobs-'))
  service = await startTestBucket()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

interface TestStore {
  readonly name: string
  readonly open: (place: string) => Promise<BlobStore>
  /** Everything that lies there. */
  readonly bytes: () => Promise<Buffer>
}
const stores: TestStore[] = [
  {
    name: 'files',
    open: (place) => openBlobFiles(join(directory, place), Date.now),
    bytes: () => bytesUnder(directory),
  },
  {
    name: 'a bucket',
    open: async (place) => openBlobBucket(await openBucket(service.address(`${place}/`), BUCKET_CREDENTIALS), () => {}),
    bytes: () => service.bytes(),
  },
]

describe.each(stores)('a store of bodies in $name', ({ open, bytes: bytesThere }) => {
  let blobs: BlobStore
  beforeEach(async () => {
    blobs = await open(`place-${++places}`)
  })

  async function everything(): Promise<string[]> {
    const names: string[] = []
    for (const folder of BLOB_FOLDERS) names.push(...(await blobs.list(folder)))
    return names
  }

  test.each([16_384, 4_194_304])('gives back the %d bytes that were put, as often as it is asked', async (length) => {
    const [ref, bytes] = [newRef(), randomBytes(length)]
    await blobs.put(ref, chunksOf(bytes), length)

    for (let round = 0; round < 2; round++) expect((await buffer((await blobs.open(ref))!)).equals(bytes)).toBe(true)
    expect(await blobs.list(ref.slice(0, 2))).toEqual([ref])
  })

  test('gives what is being read also while it is removed, and nothing after that', async () => {
    const [ref, bytes] = [newRef(), randomBytes(300_000)]
    await blobs.put(ref, chunksOf(bytes), bytes.length)
    const stream = await blobs.open(ref)
    await blobs.remove(ref)

    expect((await buffer(stream!)).equals(bytes)).toBe(true)
    expect(await blobs.open(ref)).toBeUndefined()
    await expect(blobs.remove(ref)).resolves.toBeUndefined()
    expect(await blobs.list(ref.slice(0, 2))).toEqual([])
  })

  test('keeps nothing of a body whose sender hangs up, and says why it ended', async () => {
    const [gone, sent] = [new Error('the peer is gone'), randomBytes(1_000_000)]
    // Only when some of it lies there is there something to forget.
    const look = async () => expect((await bytesThere()).includes(sent.subarray(0, 1024))).toBe(true)
    const arrived = () => vi.waitFor(look, { timeout: 20_000 })
    async function* hangingUp(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(sent)
      await arrived()
      throw gone
    }
    await expect(blobs.put(newRef(), hangingUp(), 4_194_304)).rejects.toBe(gone)

    expect(await everything()).toEqual([])
    expect((await bytesThere()).includes(sent.subarray(0, 1024))).toBe(false)
  })

  test('takes many bodies at the same time', async () => {
    const refs = Array.from({ length: 40 }, newRef)
    await Promise.all(refs.map((ref) => blobs.put(ref, chunksOf(Buffer.from(ref.repeat(512))), 16_384)))

    const bodies = await Promise.all(refs.map(async (ref) => buffer((await blobs.open(ref))!)))
    expect(bodies.map((body) => body.toString('utf8', 0, 32))).toEqual(refs)
  })
})

const newRef = () => randomBytes(16).toString('hex')

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) yield new Uint8Array(bytes.subarray(offset, offset + 65_536))
}
