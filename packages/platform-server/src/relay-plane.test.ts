import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RELAY_PATHS, type RelayTokenKeys, relayTokenEpochAt, toBase64url } from '@agent-marketplace/protocol'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runServer } from '../test/run-server.ts'
import { parseConfig } from './config.ts'
import { createLog } from './log.ts'
import { BUCKET_CREDENTIALS, startTestBucket } from './relay/test-bucket.ts'
import { openRelayPlane } from './relay-plane.ts'
import { makeIssuerKey } from './relay-tokens/issuer-key.ts'

let modulus: string
beforeAll(async () => {
  const made = await makeIssuerKey({ epoch: 0, tokenClass: 'message' }, new Uint8Array(32))
  modulus = toBase64url(made.modulus)
})

let directory: string
let file: string
beforeEach(() => {
  // One moment for a whole test: no week ends in the middle of it.
  vi.setSystemTime(Date.now())
  directory = mkdtempSync(join(tmpdir(), 'relay-plane-'))
  file = join(directory, 'keys.json')
  onTestFinished(() => {
    vi.useRealTimers()
    rmSync(directory, { recursive: true, force: true })
  })
})

const keysFrom = (epoch: number): RelayTokenKeys => ({
  epochs: [epoch, epoch + 1].map((each) => ({ epoch: each, message: modulus, part: modulus })),
})
const thisEpoch = () => relayTokenEpochAt(Date.now())

async function open(source = file) {
  const args = ['--plane', 'relay', '--data', directory, '--relay-listen', '127.0.0.1:0', '--relay-token-keys', source]
  const plane = await openRelayPlane(parseConfig(args, {}).config, createLog('silent'))
  const origin = await plane.listen()
  onTestFinished(async () => {
    await plane.drain()
    await plane.close()
  })
  return { plane, keys: async () => (await fetch(origin + RELAY_PATHS.keys)).json() }
}

describe('a relay that runs alone', () => {
  test.each([
    ['as a relay states them', (keys: RelayTokenKeys): object => keys],
    ['as the issuer answers', (keys: RelayTokenKeys): object => ({ result: { data: keys } })],
  ])('takes the keys of tokens from a file, %s', async (_, write) => {
    writeFileSync(file, JSON.stringify(write(keysFrom(thisEpoch()))))
    expect(await (await open()).keys()).toEqual(keysFrom(thisEpoch()))
  })

  test('reads the file again', async () => {
    writeFileSync(file, JSON.stringify({ epochs: keysFrom(thisEpoch()).epochs.slice(0, 1) }))
    const { plane, keys } = await open()
    writeFileSync(file, JSON.stringify(keysFrom(thisEpoch())))
    const sweep = plane.sweeps.find(({ name }) => name === 'relay-token-keys')

    expect(await sweep?.run()).toBe(1)
    expect(await keys()).toEqual(keysFrom(thisEpoch()))
  })

  test.each([
    ['of another week', () => JSON.stringify(keysFrom(thisEpoch() + 1)), /no keys of this week/],
    ['that are none', () => '{"epochs":[{"epoch":1,"message":"AAAA","part":"AAAA"}]}', /expected a file/],
    ['that are not JSON', () => 'keys', /expected a file/],
  ])('does not start with keys %s', async (_, content, fault) => {
    writeFileSync(file, content())
    await expect(open()).rejects.toMatchObject({ faults: [expect.stringMatching(fault)] })
  })

  test('asks the issuer, and goes on with what it said while it is away', async () => {
    const issuer = createServer((_, res) => res.end(JSON.stringify({ result: { data: keysFrom(thisEpoch()) } })))
    await once(issuer.listen(0, '127.0.0.1'), 'listening')
    const { port } = issuer.address() as AddressInfo
    const source = `http://127.0.0.1:${port}/trpc/relayTokens.keys`
    const first = await open(source)
    expect(await first.keys()).toEqual(keysFrom(thisEpoch()))
    await first.plane.drain()
    await first.plane.close()
    issuer.close()
    issuer.closeAllConnections()

    expect(await (await open(source)).keys()).toEqual(keysFrom(thisEpoch()))
    rmSync(join(directory, 'relay-token-keys.json'))
    await expect(open(source)).rejects.toMatchObject({ faults: [expect.stringMatching(/does not answer/)] })
  })

  test('does not start without the file', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('a bucket that refuses the secret is told in one line before anything is served, without the secret', async () => {
  await using service = await startTestBucket()
  const address = `s3://bodies/relay?endpoint=${service.endpoint}`
  const args = ['--plane', 'relay', '--data', join(directory, 'data'), '--relay-listen', '127.0.0.1:0', '--relay-blobs', address]
  const { accessKeyId } = BUCKET_CREDENTIALS
  const refused = await runServer(args, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: 'hunter2-guessed' })

  expect(refused).toEqual({
    exitCode: 78,
    stdout: '',
    stderr: 'platform-server: --relay-blobs: the bucket cannot be used (SignatureDoesNotMatch)\n',
  })
  expect((await service.bytes()).includes('relay')).toBe(false)
})
