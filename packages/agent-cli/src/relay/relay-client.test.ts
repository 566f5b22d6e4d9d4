import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { createRelayClient, type RelayClient } from './relay-client.ts'
import { startCapture } from './test-servers.ts'
import { makeUpload } from './test-upload.ts'

let relay: TestRelay
let client: RelayClient
beforeAll(async () => {
  relay = await startTestRelay()
  client = createRelayClient({ origin: relay.origin })
})
afterAll(async () => {
  await client.close()
  await relay[Symbol.asyncDispose]()
})

describe('the relay client', () => {
  test.each([16_384, 4_194_304])('puts, reads and removes %d bytes', async (bytes) => {
    const { upload, readCap, deleteCap } = makeUpload(bytes)
    await client.put(upload)
    await client.put(upload)
    expect(Buffer.from((await client.read(readCap))!).equals(upload.body)).toBe(true)

    expect(await client.remove({ readCap, deleteCap: randomBytes(32) })).toBe(false)
    expect(await client.remove({ readCap, deleteCap })).toBe(true)
    expect(await client.remove({ readCap, deleteCap })).toBe(false)
    expect(await client.read(readCap)).toBeUndefined()
  })

  test('says what the relay refused, and does not try that again', async () => {
    const { upload } = makeUpload()
    await client.put(upload)
    await expect(client.put({ ...upload, body: randomBytes(16_384) })).rejects.toMatchObject({ code: 'already_exists', exit: 5 })
    await expect(client.put({ ...makeUpload().upload, body: randomBytes(4_194_305) })).rejects.toMatchObject({
      code: 'too_large',
    })
    await expect(client.put({ ...makeUpload().upload, body: randomBytes(5) })).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('reads a refusal that comes before its body is read, however long the body is', async () => {
    await using full = await startTestRelay({ capBytes: 1_000 })
    const impatient = createRelayClient({ origin: full.origin, timeoutMs: 1 })
    for (let round = 0; round < 20; round++) {
      await expect(impatient.put(makeUpload(4_194_304).upload)).rejects.toMatchObject({ code: 'storage_full', exit: 6 })
    }
    await impatient.close()
  })

  test('follows the feed', async () => {
    const { cursor } = await client.feed({ after: 0, waitS: 0 })
    const waiting = client.feed({ after: cursor, waitS: 30 })
    const { upload } = makeUpload()
    await client.put(upload)

    const page = await waiting
    expect(page.cursor).toBe(cursor + 1)
    expect(page.records.map((record) => Buffer.from(record))).toEqual([upload.record])
  })

  test('reads the feed from the start when the relay has lost its memory', async () => {
    const { cursor, records } = await client.feed({ after: 0, waitS: 0 })
    expect(await client.feed({ after: cursor + 1_000, waitS: 30 })).toEqual({ cursor, records })
  })

  test('stops waiting for the feed when it is told to', async () => {
    const { cursor } = await client.feed({ after: 0, waitS: 0 })
    const signal = AbortSignal.timeout(50)
    await expect(client.feed({ after: cursor, waitS: 60, signal })).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('knows the keys', async () => {
    expect(await client.keys()).toEqual({ epochs: [] })
  })
})

describe('what a request carries', () => {
  test('is what the call needs: no user agent, no cookies, nothing of another call', async () => {
    await using capture = await startCapture(relay.origin)
    const watched = createRelayClient({ origin: capture.origin })
    const { upload, readCap, deleteCap } = makeUpload()
    await watched.put({ ...upload, token: randomBytes(32) })
    await watched.read(readCap)
    await watched.remove({ readCap, deleteCap })
    await watched.feed({ after: 0, waitS: 0 })
    await watched.keys()
    await watched.close()

    const names = capture.captured.map(({ headers }) => headers.filter((_, index) => index % 2 === 0))
    expect(names).toEqual([
      ['host', 'connection', 'relay-token', 'relay-delete-hash', 'relay-ttl', 'relay-record', 'content-length'],
      ['host', 'connection', 'relay-read-cap', 'content-length'],
      ['host', 'connection', 'relay-read-cap', 'relay-delete-cap', 'content-length'],
      ['host', 'connection'],
      ['host', 'connection'],
    ])
  })

  test('looks the same for two secrets of one size class', async () => {
    const transcripts: unknown[] = []
    for (let round = 0; round < 2; round++) {
      await using capture = await startCapture(relay.origin)
      const watched = createRelayClient({ origin: capture.origin })
      const { upload, readCap, deleteCap } = makeUpload()
      await watched.put(upload)
      await watched.read(readCap)
      await watched.remove({ readCap, deleteCap })
      await watched.close()
      transcripts.push(
        capture.captured.map(({ method, path, headers }) => [
          method,
          path.length,
          headers.map((text, index) => (index % 2 === 0 ? text : text.length)),
        ]),
      )
    }
    expect(transcripts[0]).toEqual(transcripts[1])
  })

  test('shares no connection with another call about a slot', async () => {
    await using capture = await startCapture(relay.origin)
    const watched = createRelayClient({ origin: capture.origin })
    const { upload, readCap, deleteCap } = makeUpload()
    await watched.feed({ after: 0, waitS: 0 })
    await watched.put(upload)
    await watched.read(readCap)
    await watched.remove({ readCap, deleteCap })
    await watched.close()

    const ports = capture.captured.filter(({ method }) => method !== 'GET').map(({ clientPort }) => clientPort)
    expect(new Set(ports).size).toBe(3)
  })
})

describe('the address of a relay', () => {
  test('is refused over plain http on another machine, unless that is asked for', async () => {
    const origin = 'http://relay.example'
    expect(() => createRelayClient({ origin })).toThrow(expect.objectContaining({ code: 'usage', exit: 2 }))
    await createRelayClient({ origin, allowPlain: true }).close()
    await createRelayClient({ origin: 'https://relay.example' }).close()
  })
})
