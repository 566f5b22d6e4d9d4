import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fc, test as property } from '@fast-check/vitest'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import type { AgentOptions } from './agent.ts'
import { BLOB_BYTES_MAX, deleteBlob, getBlob, padBlob, putBlob, unpadBlob } from './relay-blob.ts'

const NOW_MS = 1_800_000_000_000

let relay: TestRelay
let directory: string
let options: AgentOptions
beforeAll(async () => {
  relay = await startTestRelay()
  directory = await mkdtemp(join(tmpdir(), 'relay-blob-'))
  options = {
    profile: { name: 'default', directory },
    server: 'http://127.0.0.1:1',
    relay: relay.origin,
    timeoutMs: 30_000,
    now: () => NOW_MS,
  }
})
afterAll(async () => {
  await relay[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})
afterEach(() => {
  delete process.env.AGENT_MARKETPLACE_READ_CAP
  delete process.env.AGENT_MARKETPLACE_DELETE_CAP
})

async function fileWith(name: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}

describe('bytes of another tool', () => {
  test.each([0, 1, 16_380, 16_381, BLOB_BYTES_MAX])('come back exactly, all %d of them', async (length) => {
    const bytes = randomBytes(length)
    const stored = await putBlob(options, { file: await fileWith('in', bytes), ttl: '24h' })
    expect(stored.expiresAtMs).toBe(NOW_MS + 24 * 3_600_000)

    const out = join(directory, 'out')
    const fetched = await getBlob(options, { readCap: `@${await fileWith('read-cap', `${stored.readCap}\n`)}`, out })
    expect(fetched).toEqual({ file: out, bytes: length })
    expect((await readFile(out)).equals(bytes)).toBe(true)
    expect((await stat(out)).mode & 0o777).toBe(0o600)
  })

  test('are gone once both caps were shown', async () => {
    const stored = await putBlob(options, { file: await fileWith('in', 'x'), ttl: '1h' })
    process.env.AGENT_MARKETPLACE_READ_CAP = stored.readCap
    process.env.AGENT_MARKETPLACE_DELETE_CAP = stored.deleteCap
    const caps = { readCap: undefined, deleteCap: undefined }

    expect(await deleteBlob(options, caps)).toEqual({ slotId: stored.slotId, deleted: true })
    await expect(deleteBlob(options, caps)).rejects.toMatchObject({ code: 'not_found', exit: 4 })
    await expect(getBlob(options, { readCap: undefined, out: join(directory, 'none') })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(stat(join(directory, 'none'))).rejects.toThrow('ENOENT')
  })

  test('are refused when they are too many, or no file', async () => {
    const long = await fileWith('long', new Uint8Array(BLOB_BYTES_MAX + 1))
    await mkdir(join(directory, 'folder'), { recursive: true })
    for (const file of [long, join(directory, 'folder'), join(directory, 'missing')]) {
      await expect(putBlob(options, { file, ttl: '1h' })).rejects.toMatchObject({ code: 'usage', exit: 2 })
    }
  })
})

describe('a cap', () => {
  test('is not taken from the command line, nor from a file that others can read', async () => {
    const cap = randomBytes(32).toString('base64url')
    const out = join(directory, 'never')
    await expect(getBlob(options, { readCap: cap, out })).rejects.toMatchObject({ code: 'usage' })
    const open = await fileWith('open-cap', cap, 0o644)
    await expect(getBlob(options, { readCap: `@${open}`, out })).rejects.toMatchObject({ code: 'local_state', exit: 7 })
  })

  test.each(['', 'AAAA', randomBytes(33).toString('base64url'), randomBytes(32).toString('base64')])(
    'of the form "%s" is refused without repeating it',
    async (cap) => {
      process.env.AGENT_MARKETPLACE_READ_CAP = cap
      const error = await getBlob(options, { readCap: undefined, out: join(directory, 'never') }).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'usage' })
      if (cap) expect(JSON.stringify([String(error), (error as { hint?: string }).hint])).not.toContain(cap)
    },
  )

  test('can come from stdin once only', async () => {
    await expect(deleteBlob(options, { readCap: '-', deleteCap: '-' })).rejects.toMatchObject({ code: 'usage' })
  })
})

property.prop([fc.uint8Array({ maxLength: 20_000, size: 'max' })])('padding is undone exactly', (bytes) => {
  expect(unpadBlob(padBlob(bytes))).toEqual(bytes)
})

test('a body that was not padded here is told apart', () => {
  const padded = padBlob(new Uint8Array([1, 2, 3]))
  for (const [index, value] of [
    [0, 1],
    [3, 2],
    [100, 1],
    [16_383, 1],
  ] as const) {
    const other = padded.slice()
    other[index] = value
    expect(unpadBlob(other)).toBeUndefined()
  }
  expect(unpadBlob(new Uint8Array(65_536))).toBeUndefined()
})
