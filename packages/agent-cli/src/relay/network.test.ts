import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { createRelayClient, type RelayClient } from './relay-client.ts'
import { startConnectProxy, startCutter, startHttp, startSocksProxy } from './test-servers.ts'
import { makeUpload } from './test-upload.ts'

/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:1'

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

describe('a bad network', () => {
  test('an upload whose answer is lost is sent again and stored once', async () => {
    const { upload, readCap } = makeUpload()
    await using cutter = await startCutter(relay.port, { cuts: 3, requestBytes: 16_384 })
    const patient = createRelayClient({ origin: cutter.origin })
    const before = (await client.feed({ after: 0, waitS: 0 })).cursor
    await patient.put(upload)
    await patient.close()

    expect(cutter.count()).toBe(4)
    expect(Buffer.from((await client.read(readCap))!).equals(upload.body)).toBe(true)
    await expect.poll(async () => (await client.feed({ after: 0, waitS: 0 })).cursor, { timeout: 60_000 }).toBe(before + 1)
  })

  test('a relay that says "not now" is asked again', async () => {
    let count = 0
    await using busy = await startHttp((_, res) => {
      const isBusy = count++ < 2
      res.writeHead(isBusy ? 503 : 200).end(JSON.stringify(isBusy ? { code: 'overloaded' } : { epochs: [] }))
    })
    const patient = createRelayClient({ origin: busy.origin })
    expect(await patient.keys()).toEqual({ epochs: [] })
    await patient.close()
    expect(count).toBe(3)
  })

  test.each([
    ['before its answer', undefined],
    ['in the middle of it', Buffer.alloc(1_000)],
  ])('a relay that falls silent %s is given up', { timeout: 60_000 }, async (_when, begin) => {
    await using silent = await startHttp(
      (_, res) => void (begin && res.writeHead(200, { 'content-length': 16_384 }).write(begin)),
    )
    const waiting = createRelayClient({ origin: silent.origin, timeoutMs: 1_000 })
    const late = { code: 'unreachable', message: 'the relay did not answer in time' }
    await Promise.all([
      expect(waiting.read(randomBytes(32))).rejects.toMatchObject(late),
      expect(waiting.feed({ after: 0, waitS: 0 })).rejects.toMatchObject(late),
    ])
    await waiting.close()
  })

  test('what does not speak HTTP is no relay', async () => {
    await using strange = await startHttp((_, res) => void res.socket?.end('220 mail.example ready\r\n\r\n'))
    const lost = createRelayClient({ origin: strange.origin })
    await expect(lost.read(randomBytes(32))).rejects.toMatchObject({
      code: 'bad_answer',
      exit: 6,
      message: expect.stringContaining('no HTTP'),
    })
    await lost.close()
  })

  test('a feed that stands still, however much it brings, is none of a relay', async () => {
    const page = Buffer.alloc(8 + 40 * 10)
    page.writeBigUInt64BE(1_009n)
    await using still = await startHttp((_, res) => void res.writeHead(200).end(page))
    const listener = createRelayClient({ origin: still.origin })
    expect((await listener.feed({ after: 999, waitS: 0 })).records).toHaveLength(10)
    await expect(listener.feed({ after: 1_000, waitS: 0 })).rejects.toMatchObject({ code: 'bad_answer' })
    await listener.close()
  })

  test('a relay that is not there is unreachable once the time is up', async () => {
    const lost = createRelayClient({ origin: NOBODY, timeoutMs: 300 })
    await expect(lost.keys()).rejects.toMatchObject({ code: 'unreachable', exit: 6 })
    await lost.close()
  })

  test.each<[string, number, string]>([
    ['a web page', 200, '<html>'],
    ['a redirect', 302, ''],
    ['a 404 of something else', 404, 'not found'],
    ['a code that does not exist', 400, '{"code":"teapot"}'],
    ['a code under another status', 200, '{"code":"not_found"}'],
    ['keys that are none', 200, '{"epochs":[{"epoch":1,"message":"AAAA","part":"AAAA"}]}'],
    ['more than it may', 200, 'x'.repeat(5_000_000)],
  ])('%s is not taken for an answer of a relay', async (_, status, body) => {
    let count = 0
    await using other = await startHttp((_req, res) => {
      count++
      res.writeHead(status, { location: relay.origin }).end(body)
    })
    const misled = createRelayClient({ origin: other.origin })
    for (const call of [() => misled.read(randomBytes(32)), () => misled.feed({ after: 0, waitS: 0 }), () => misled.keys()]) {
      await expect(call()).rejects.toMatchObject({ code: 'bad_answer' })
    }
    await misled.close()
    expect(count).toBe(3)
  })
})

describe('a proxy', () => {
  test('over HTTP only tunnels', async () => {
    await using proxy = await startConnectProxy()
    const hidden = createRelayClient({ origin: relay.origin, proxy: proxy.origin })
    const { upload, readCap } = makeUpload()
    await hidden.put(upload)
    expect(Buffer.from((await hidden.read(readCap))!).equals(upload.body)).toBe(true)
    await hidden.close()
    expect(proxy.tunnels).toEqual([`127.0.0.1:${relay.port}`, `127.0.0.1:${relay.port}`])
  })

  test.each(['socks5', 'socks5h'])('over %s looks names up itself', async (scheme) => {
    await using proxy = await startSocksProxy()
    const hidden = createRelayClient({ origin: `http://localhost:${relay.port}`, proxy: `${scheme}://127.0.0.1:${proxy.port}` })
    const { upload, readCap } = makeUpload()
    await hidden.put(upload)
    expect(Buffer.from((await hidden.read(readCap))!).equals(upload.body)).toBe(true)
    await hidden.close()
    expect(proxy.tunnels).toEqual([`localhost:${relay.port}`, `localhost:${relay.port}`])
  })

  test('that is not there is not gone around', async () => {
    for (const proxy of [NOBODY, NOBODY.replace('http:', 'socks5:')]) {
      const hidden = createRelayClient({ origin: relay.origin, proxy, timeoutMs: 100 })
      await expect(hidden.keys()).rejects.toMatchObject({ code: 'unreachable' })
      await hidden.close()
    }
  })

  test.each(['ftp://127.0.0.1:1', 'proxy:8080', ''])('"%s" is no proxy', (proxy) => {
    expect(() => createRelayClient({ origin: relay.origin, proxy })).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
