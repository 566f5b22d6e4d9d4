import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Bucket, openBlobBucket, openBucket } from './blob-bucket.ts'
import { parseBucketAddress } from './bucket-address.ts'
import { claimBucket } from './bucket-owner.ts'
import { BUCKET_CREDENTIALS, startTestBucket, type TestBucket } from './test-bucket.ts'
import { makeDrop, put, read, remove } from './test-drop.ts'
import { startTestRelay } from './test-relay.ts'

const HOUR_MS = 3_600_000
let service: TestBucket
beforeAll(async () => {
  service = await startTestBucket()
})
afterAll(() => service[Symbol.asyncDispose]())

const bucketAt = (prefix: string) => openBucket(service.address(prefix), BUCKET_CREDENTIALS)
const storeAt = async (prefix: string, onFault: (error: unknown) => void = () => {}) =>
  openBlobBucket(await bucketAt(prefix), onFault)

describe('a relay with a bucket', () => {
  test('leaves no byte and no name of what was deleted or has expired, in the bucket or beside it', async () => {
    let nowMs = 500_000 * HOUR_MS
    await using relay = await startTestRelay({ blobs: await storeAt('expiry/'), now: () => nowMs })
    const [deleted, short, long] = [makeDrop(), makeDrop({ bytes: 4_194_304 }), makeDrop({ ttl: '24h' })]
    for (const drop of [deleted, short, long]) expect((await put(relay.origin, drop)).status).toBe(204)
    for (const { body } of [deleted, short, long]) expect((await service.bytes()).includes(body)).toBe(true)

    expect((await remove(relay.origin, deleted)).status).toBe(204)
    nowMs += HOUR_MS
    await relay.plane.sweep()

    const left = await service.bytes()
    for (const { body } of [deleted, short]) expect(left.includes(body.subarray(0, 64))).toBe(false)
    expect(left.includes(long.body)).toBe(true)
    expect((await read(relay.origin, long)).body.equals(long.body)).toBe(true)
    expect((await read(relay.origin, short)).status).toBe(404)
    expect(relay.faults).toEqual([])
  })

  test('tells the bucket nothing of slots: no id, cap, hash or record in a name or beside a body', async () => {
    await using relay = await startTestRelay({ blobs: await storeAt('names/') })
    const drop = makeDrop()
    await put(relay.origin, drop)

    const kept = await service.bytes()
    const secrets = [drop.slotId, drop.readCap, drop.deleteCap, drop.headers['relay-delete-hash']!, drop.headers['relay-record']!]
    for (const text of secrets)
      for (const form of [text, Buffer.from(text, 'base64url').toString('hex'), Buffer.from(text, 'base64url')])
        expect(kept.includes(form)).toBe(false)
  })

  test('removes what a crash left there, and nothing that is not a body', async () => {
    const bucket = await bucketAt('orphans/')
    const orphan = randomBytes(16).toString('hex')
    const notes = `${orphan.slice(0, 2)}/notes.txt`
    for (const name of [`${orphan.slice(0, 2)}/${orphan}`, notes]) await bucket.put(name, Readable.from([Buffer.from('x')]), 1)

    await using _ = await startTestRelay({ blobs: await storeAt('orphans/') })
    expect(await bucket.list(orphan.slice(0, 2))).toEqual([notes])
  })

  test('that does not answer says so, and goes on when it is back', async () => {
    await using away = await startTestBucket()
    const faults: unknown[] = []
    const blobs = openBlobBucket(await openBucket(away.address(), BUCKET_CREDENTIALS), (error) => faults.push(error))
    await using relay = await startTestRelay({ blobs })
    const [drop, kept, late] = [makeDrop(), makeDrop(), makeDrop()]
    for (const each of [drop, kept]) await put(relay.origin, each)
    away.setAway(true)

    const refused = await put(relay.origin, late)
    expect(refused).toMatchObject({ status: 503, body: Buffer.from('{"code":"unavailable"}') })
    expect((await read(relay.origin, drop)).status).toBe(503)
    expect(faults.length).toBeGreaterThan(0)
    expect((await remove(relay.origin, drop)).status).toBe(204)
    expect((await read(relay.origin, drop)).status).toBe(404)

    away.setAway(false)
    expect((await put(relay.origin, late)).status).toBe(204)
    for (const each of [kept, late]) expect((await read(relay.origin, each)).body.equals(each.body)).toBe(true)
    expect((await away.bytes()).includes(drop.body)).toBe(true)
    await relay.plane.sweep()
    expect((await away.bytes()).includes(drop.body)).toBe(false)
  })
})

describe('a bucket', () => {
  const keep = () => {}

  test('is claimed once, and known again', async () => {
    const kept: Uint8Array[] = []
    await claimBucket(await bucketAt('own/'), { known: undefined, hasSlots: false, keep: (owner) => kept.push(owner) })
    await claimBucket(await bucketAt('own/'), { known: kept[0], hasSlots: true, keep })
    expect(kept).toHaveLength(1)
  })

  test('of another relay is refused, and so is one that lost the bodies, or comes after files', async () => {
    await claimBucket(await bucketAt('theirs/'), { known: undefined, hasSlots: false, keep })
    const own = new Uint8Array(16)
    const refused = async (prefix: string, known: Uint8Array | undefined, hasSlots: boolean) =>
      expect(claimBucket(await bucketAt(prefix), { known, hasSlots, keep })).rejects

    await (await refused('theirs/', undefined, false)).toThrow('another relay')
    await (await refused('theirs/', own, true)).toThrow('another relay')
    await (await refused('emptied/', own, true)).toThrow('does not hold the bodies')
    await (await refused('after-files/', undefined, true)).toThrow('lie in files')
  })

  test('that keeps old versions is refused', async () => {
    const bucket = await bucketAt('versions/')
    const versioned: Bucket = { ...bucket, put: async (...args) => ({ ...(await bucket.put(...args)), keepsVersions: true }) }
    await expect(claimBucket(versioned, { known: undefined, hasSlots: false, keep })).rejects.toThrow('keeps old versions')
    expect(await bucket.open('owner')).toBeUndefined()
  })

  test('refuses who signs with another secret, and nothing is written to it', async () => {
    const before = (await service.bytes()).length
    const thief = await openBucket(service.address('thief/'), { ...BUCKET_CREDENTIALS, secretAccessKey: 'guessed' })
    await expect(claimBucket(thief, { known: undefined, hasSlots: false, keep })).rejects.toThrow('not signed with the secret')
    expect((await service.bytes()).length).toBe(before)
  })

  test('that does not know who asks cannot be used, and the library writes nothing on the console', async () => {
    const warn = vi.spyOn(console, 'warn')
    onTestFinished(() => warn.mockRestore())
    const stranger = await openBucket(service.address('strange/'), { ...BUCKET_CREDENTIALS, accessKeyId: 'STRANGER' })
    await expect(claimBucket(stranger, { known: undefined, hasSlots: false, keep })).rejects.toThrow()
    expect(warn).not.toHaveBeenCalled()
  })
})

test.each([
  ['s3://bodies', { bucket: 'bodies', prefix: '', endpoint: undefined, region: undefined }],
  ['s3://bodies/relay', { bucket: 'bodies', prefix: 'relay/', endpoint: undefined, region: undefined }],
  [
    's3://bodies/a/b/?endpoint=https://minio.example.org:9000&region=eu-central-1',
    { bucket: 'bodies', prefix: 'a/b/', endpoint: 'https://minio.example.org:9000', region: 'eu-central-1' },
  ],
  [
    's3://bodies?endpoint=http://127.0.0.1:9000',
    { bucket: 'bodies', prefix: '', endpoint: 'http://127.0.0.1:9000', region: undefined },
  ],
])('%s is the address of a bucket', (text, address) => {
  expect(parseBucketAddress(text)).toEqual(address)
})

test.each([
  'bodies',
  'https://bodies',
  's3://',
  's3://B',
  's3://key:secret@bodies',
  's3://bodies/a//b',
  's3://bodies/../x?y',
  's3://bodies?endpoint=http://minio.example.org',
  's3://bodies?endpoint=ftp://x',
  's3://bodies?endpoint=https://a:b@x',
  's3://bodies?region=EU!',
  's3://bodies?secret=x',
])('%s is no address of a bucket', (text) => {
  expect(parseBucketAddress(text)).toBeUndefined()
})
