import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fromBase64url } from '@agent-marketplace/protocol'
import { derivePart, type SealedArtifact } from '@agent-marketplace/protocol/sealing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import { type HandoffAgent, openHandoffAgent } from '../test-handoff.ts'
import { makeTestHome } from '../test-home.ts'
import { CliError } from './cli-error.ts'
import { fetchFiles } from './fetch-files.ts'
import { sealFiles } from './seal-files.ts'
import { openSourceFile } from './source-file.ts'

let relay: TestRelay
let alice: HandoffAgent
let place: ReturnType<typeof makeTestHome>
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())
beforeEach(() => {
  alice = openHandoffAgent(relay.origin, 'alice')
  place = makeTestHome()
})
afterEach(() => {
  alice[Symbol.dispose]()
  place[Symbol.dispose]()
})

function makeFile(name: string, bytes: number): { path: string; data: Buffer } {
  const path = join(place.path, name)
  const data = randomBytes(bytes)
  writeFileSync(path, data)
  return { path, data }
}

const out = () => join(place.path, 'out')
const away = () => new CliError('unreachable', 'away')

/** A client that counts its calls and fails from the given ones on. */
function counting({ putsMax = Infinity, readsMax = Infinity } = {}) {
  const count = { puts: 0, reads: 0 }
  const takes = (kind: 'puts' | 'reads', max: number) => count[kind] < max && ++count[kind] > 0
  const wrap = (client: RelayClient): RelayClient => ({
    ...client,
    put: (upload) => (takes('puts', putsMax) ? client.put(upload) : Promise.reject(away())),
    read: (cap) => (takes('reads', readsMax) ? client.read(cap) : Promise.reject(away())),
  })
  return { count, wrap }
}

test.each([0, 1, 16_368, 65_536, 300_000, 5_000_000])('a file of %d bytes comes back as it was', async (bytes) => {
  const { path, data } = makeFile('data.bin', bytes)
  const artifacts = await sealFiles(alice, { purpose: 'test', paths: [path] })
  const [file] = await fetchFiles(alice, { artifacts, directory: out() })

  expect(file).toMatchObject({ name: 'data.bin', path: join(out(), 'data.bin') })
  expect(readFileSync(file!.path).equals(data)).toBe(true)
  expect(statSync(file!.path).mode & 0o777).toBe(0o600)
  expect(statSync(out()).mode & 0o777).toBe(0o700)
  expect(readdirSync(out())).toEqual(['data.bin'])
})

test('an upload that was interrupted sends only what is missing, under the same key', async () => {
  const { path, data } = makeFile('data.bin', 3_000_000)
  const broken = counting({ putsMax: 2 })
  await expect(sealFiles(alice.restart(broken), { purpose: 'test', paths: [path] })).rejects.toMatchObject({
    code: 'unreachable',
  })

  const again = counting()
  const artifacts = await sealFiles(alice.restart(again), { purpose: 'test', paths: [path] })
  const [artifact] = artifacts
  expect(broken.count.puts).toBe(2)
  expect(again.count.puts).toBe(artifact!.parts - broken.count.puts)
  expect(await sealFiles(alice, { purpose: 'test', paths: [path] })).toEqual(artifacts)

  const [file] = await fetchFiles(alice, { artifacts, directory: out() })
  expect(readFileSync(file!.path).equals(data)).toBe(true)
})

test('another content or another purpose is sealed under another key', async () => {
  const { path } = makeFile('data.bin', 1000)
  const [first] = await sealFiles(alice, { purpose: 'test', paths: [path] })
  const [elsewhere] = await sealFiles(alice, { purpose: 'other', paths: [path] })
  makeFile('data.bin', 1000)
  const [changed] = await sealFiles(alice, { purpose: 'test', paths: [path] })
  expect(new Set([first!.K, elsewhere!.K, changed!.K]).size).toBe(3)
})

test('a download that was interrupted fetches only what is missing', async () => {
  const { path, data } = makeFile('data.bin', 3_000_000)
  const artifacts = await sealFiles(alice, { purpose: 'test', paths: [path] })
  const broken = counting({ readsMax: 2 })
  await expect(fetchFiles(alice.restart(broken), { artifacts, directory: out() })).rejects.toMatchObject({ code: 'unreachable' })
  expect(existsSync(join(out(), 'data.bin'))).toBe(false)

  const again = counting()
  const [file] = await fetchFiles(alice.restart(again), { artifacts, directory: out() })
  expect(again.count.reads).toBe(artifacts[0]!.parts - 2)
  expect(readFileSync(file!.path).equals(data)).toBe(true)

  const third = counting()
  await fetchFiles(alice.restart(third), { artifacts, directory: out() })
  expect(third.count.reads).toBe(0)
})

test('a partial file that somebody changed does not become the file', async () => {
  const { path, data } = makeFile('data.bin', 3_000_000)
  const artifacts = await sealFiles(alice, { purpose: 'test', paths: [path] })
  await expect(fetchFiles(alice.restart(counting({ readsMax: 2 })), { artifacts, directory: out() })).rejects.toThrow()
  const [partial] = readdirSync(out())
  writeFileSync(join(out(), partial!), randomBytes(3_000_000))

  await expect(fetchFiles(alice, { artifacts, directory: out() })).rejects.toMatchObject({ fault: 'content_mismatch', exit: 5 })
  expect(readdirSync(out())).toEqual([])
  const [file] = await fetchFiles(alice, { artifacts, directory: out() })
  expect(readFileSync(file!.path).equals(data)).toBe(true)
})

test('what the disk does not let be read or made in the place of a file is told, and stays', async () => {
  const artifacts = await sealFiles(alice, { purpose: 'test', paths: [makeFile('data.bin', 10).path] })
  mkdirSync(out())
  writeFileSync(join(out(), 'data.bin'), 'of somebody else', { mode: 0o000 })

  // Root reads what it may not read, and finds that it is another file.
  const [code, message] =
    process.getuid?.() === 0 ? ['usage', /something else/] : ['local_state', /cannot open .*data\.bin: EACCES/]
  await expect(fetchFiles(alice, { artifacts, directory: out() })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
  await expect(fetchFiles(alice, { artifacts, directory: join(out(), 'data.bin') })).rejects.toMatchObject({
    code: 'local_state',
    message: expect.stringMatching(/data\.bin: there is a file in the way/),
  })
  chmodSync(join(out(), 'data.bin'), 0o600)
  expect(readFileSync(join(out(), 'data.bin'), 'utf8')).toBe('of somebody else')
})

/** A relay that answers every read with what it makes of the true body. */
function lying(twist: (body: Uint8Array, nth: number) => Uint8Array | undefined) {
  let nth = 0
  return {
    wrap: (client: RelayClient): RelayClient => ({
      ...client,
      async read(cap) {
        const body = await client.read(cap)
        return body && twist(body, nth++)
      },
    }),
  }
}

describe('a relay that lies about parts', () => {
  let first: Uint8Array | undefined
  test.each<[string, (body: Uint8Array, nth: number) => Uint8Array | undefined, string]>([
    ['cuts one short', (body, nth) => (nth === 1 ? body.subarray(0, -1) : body), 'content_mismatch'],
    ['cuts one at the end of a segment', (body, nth) => (nth === 1 ? body.subarray(0, 65_536) : body), 'content_mismatch'],
    ['sends an empty one', (body, nth) => (nth === 1 ? new Uint8Array() : body), 'content_mismatch'],
    ['sends one with more behind it', (body, nth) => (nth === 1 ? Buffer.concat([body, body]) : body), 'content_mismatch'],
    [
      'changes a bit',
      (body, nth) => (nth === 1 ? body.map((byte, at) => (at === 70_000 ? byte ^ 1 : byte)) : body),
      'content_mismatch',
    ],
    [
      'sends the same part in the place of every other',
      (body) => {
        first ??= body
        return first
      },
      'content_mismatch',
    ],
    ['sends the part of another artifact', (_body, nth) => (nth === 1 ? foreign : _body), 'content_mismatch'],
    ['says that one is gone', (body, nth) => (nth === 1 ? undefined : body), 'content_unavailable'],
  ])(
    'that %s: nothing gets the name of the file, and an honest one is asked for what is missing',
    async (_what, twist, fault) => {
      first = undefined
      const { path, data } = makeFile('data.bin', 3_000_000)
      const artifacts = await sealFiles(alice, { purpose: 'test', paths: [path] })
      await expect(fetchFiles(alice.restart(lying(twist)), { artifacts, directory: out() })).rejects.toMatchObject({ fault })
      expect(readdirSync(out()).every((name) => name.endsWith('.partial'))).toBe(true)

      const [file] = await fetchFiles(alice, { artifacts, directory: out() })
      expect(readFileSync(file!.path).equals(data)).toBe(true)
      expect(readdirSync(out())).toEqual(['data.bin'])
    },
  )

  let foreign: Uint8Array
  beforeEach(async () => {
    const [other] = await sealFiles(alice, { purpose: 'other', paths: [makeFile('other.bin', 3_000_000).path] })
    const body = await (await alice.relay()).read(derivePart(fromBase64url(other!.K)!, 1).readCap)
    if (!body) throw new Error('the part is there')
    foreign = body
  })
})

test('several readers of one artifact each get all of it, one that was cut off too', async () => {
  using bob = openHandoffAgent(relay.origin, 'bob')
  const { path, data } = makeFile('data.bin', 3_000_000)
  const artifacts = await sealFiles(alice, { purpose: 'test', paths: [path] })
  const [here, there] = [join(place.path, 'here'), join(place.path, 'there')]
  const cut = fetchFiles(bob.restart(counting({ readsMax: 1 })), { artifacts, directory: there })
  const [whole] = await Promise.all([fetchFiles(alice, { artifacts, directory: here }), expect(cut).rejects.toThrow()])

  const again = counting()
  const resumed = await fetchFiles(bob.restart(again), { artifacts, directory: there })
  expect(again.count.reads).toBe(artifacts[0]!.parts - 1)
  for (const [file] of [whole, resumed]) expect(readFileSync(file!.path).equals(data)).toBe(true)
})

describe('content that cannot be had', () => {
  let artifact: SealedArtifact
  beforeEach(async () => {
    const [sealed] = await sealFiles(alice, { purpose: 'test', paths: [makeFile('data.bin', 100_000).path] })
    artifact = sealed!
  })

  test('is unavailable when a part is gone', async () => {
    await (await alice.relay()).remove(derivePart(fromBase64url(artifact.K)!, 1))
    await expect(fetchFiles(alice, { artifacts: [artifact], directory: out() })).rejects.toMatchObject({
      fault: 'content_unavailable',
      exit: 4,
    })
  })

  test('is another when its hash or its parts are not the described ones', async () => {
    const otherHash = { ...artifact, sha256: artifact.sha256.replace(/^./, (char) => (char === 'A' ? 'B' : 'A')) }
    await expect(fetchFiles(alice, { artifacts: [otherHash], directory: out() })).rejects.toMatchObject({
      fault: 'content_mismatch',
    })
    await expect(fetchFiles(alice, { artifacts: [{ ...artifact, parts: 1 }], directory: out() })).rejects.toMatchObject({
      fault: 'content_mismatch',
    })
    const { slotId, deleteHash } = derivePart(fromBase64url(artifact.K)!, 0)
    const client = await alice.relay()
    await client.remove(derivePart(fromBase64url(artifact.K)!, 0))
    await client.put({ slotId, deleteHash, ttl: '1h', body: randomBytes(artifact.partBytes) })
    await expect(fetchFiles(alice, { artifacts: [artifact], directory: out() })).rejects.toMatchObject({
      fault: 'content_mismatch',
    })
    expect(existsSync(join(out(), 'data.bin'))).toBe(false)
  })

  test.each(['../x', 'a/b', '..', 'a\u202eb', 'x\0', ''])(
    'is refused under the name %j, and nothing is fetched',
    async (name) => {
      const none = counting()
      await expect(
        fetchFiles(alice.restart(none), { artifacts: [{ ...artifact, name }], directory: out() }),
      ).rejects.toMatchObject({ code: 'usage' })
      expect(none.count.reads).toBe(0)
    },
  )

  test('is refused when two files have one name, or a file is too large, or a name is taken', async () => {
    const twice = [artifact, { ...artifact, name: 'DATA.bin' }]
    await expect(fetchFiles(alice, { artifacts: twice, directory: out() })).rejects.toMatchObject({ code: 'usage' })
    await expect(fetchFiles(alice, { artifacts: [artifact], directory: out(), bytesMax: 99_999 })).rejects.toMatchObject({
      code: 'usage',
    })
    mkdirSync(out())
    writeFileSync(join(out(), 'data.bin'), 'mine')
    await expect(fetchFiles(alice, { artifacts: [artifact], directory: out() })).rejects.toMatchObject({ code: 'usage' })
    expect(readFileSync(join(out(), 'data.bin'), 'utf8')).toBe('mine')
  })
})

describe('a file that cannot be sealed is refused in words', () => {
  test.each(['missing', 'directory', 'fifo'])('%s', async (kind) => {
    const path = join(place.path, kind)
    if (kind === 'directory') mkdirSync(path)
    if (kind === 'fifo') execFileSync('mkfifo', [path])
    await expect(sealFiles(alice, { purpose: 'test', paths: [path] })).rejects.toMatchObject({ code: 'usage', exit: 2 })
  })

  test('two of one name', async () => {
    const { path } = makeFile('data.bin', 1)
    await expect(sealFiles(alice, { purpose: 'test', paths: [path, path] })).rejects.toMatchObject({ code: 'usage' })
  })

  test('one that shrinks or changes after it was hashed', async () => {
    const { path } = makeFile('data.bin', 1000)
    await using file = await openSourceFile(path)
    expect(await file.read(0, 1000)).toHaveLength(1000)
    truncateSync(path, 500)
    await expect(file.read(0, 1000)).rejects.toMatchObject({ code: 'usage' })

    const { path: other, data } = makeFile('other.bin', 1000)
    await using changing = await openSourceFile(other)
    const { atime, mtime } = statSync(other)
    writeFileSync(other, data.fill(0))
    utimesSync(other, atime, mtime)
    await expect(changing.read(0, 1000)).rejects.toMatchObject({ code: 'usage' })
  })
})
