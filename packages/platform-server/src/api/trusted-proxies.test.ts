import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { openTestPlatform } from '../../test/platform.ts'
import { listen } from '../listen.ts'
import { appRouter } from './app-router.ts'
import { createControlServer } from './http.ts'
import { createAddressFinder } from './trusted-proxies.ts'

describe('the address a request is counted for', () => {
  const find = createAddressFinder(['10.0.0.0/8', 'fd00::/8'])

  test.each([
    ['no proxy: the socket', '192.0.2.1', undefined, '192.0.2.1'],
    ['a claim by a stranger: the socket', '192.0.2.1', ['198.51.100.7'], '192.0.2.1'],
    ['one proxy: whom it names', '10.0.0.1', ['198.51.100.7'], '198.51.100.7'],
    ['a claim before what the proxy added: whom the proxy names', '10.0.0.1', ['203.0.113.9, 198.51.100.7'], '198.51.100.7'],
    ['a claim to be a proxy: whom the real proxy names', '10.0.0.1', ['203.0.113.9, 10.0.0.2, 198.51.100.7'], '198.51.100.7'],
    ['two proxies: whom the first one names', '10.0.0.1', ['203.0.113.9, 198.51.100.7, 10.0.0.2'], '198.51.100.7'],
    ['several headers are one list', '10.0.0.1', ['203.0.113.9', '198.51.100.7', '10.0.0.2'], '198.51.100.7'],
    ['nothing named: the proxy', '10.0.0.1', undefined, '10.0.0.1'],
    ['what is no address: the proxy', '10.0.0.1', ['203.0.113.9, unknown'], '10.0.0.1'],
    ['only proxies: the farthest', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['an IPv4 proxy on an IPv6 socket', '::ffff:10.0.0.1', ['198.51.100.7'], '198.51.100.7'],
    ['IPv6', 'fd00::1', ['2001:db8::7'], '2001:db8::7'],
    ['a peer that hung up', undefined, ['198.51.100.7'], undefined],
  ])('%s', (_, peer, forwardedFor, address) => {
    expect(find({ peer, forwardedFor: () => forwardedFor })).toBe(address)
  })

  property.prop([fc.ipV4(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()))])(
    'is the socket’s, whatever the header says, where there are no proxies',
    (peer, claims) => {
      expect(createAddressFinder([])({ peer, forwardedFor: () => claims })).toBe(peer)
    },
  )

  property.prop([
    fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constantFrom('10.0.0.2', 'fd00::2', '10.0.0.3, 10.0.0.2'))),
    fc.ipV4().filter((address) => !address.startsWith('10.')),
  ])('is whom our proxy names, whatever its client claimed before', (claims, client) => {
    expect(find({ peer: '10.0.0.1', forwardedFor: () => [...claims, client] })).toBe(client)
  })
})

describe('calls without a session', () => {
  /** How many of 301 calls are turned away, of a client that says it is another one each time. */
  async function countRefused(proxies: readonly string[], headerOf: (call: number) => string): Promise<number> {
    await using platform = await openTestPlatform()
    const { server, drain } = createControlServer({
      router: appRouter,
      // No time passes: nothing flows in between the first call and the last.
      deps: { ...platform.deps, monotonic: platform.deps.now },
      rateLimits: 'on',
      trustedProxies: proxies,
    })
    const port = await listen(server, { host: '127.0.0.1', port: 0 })
    const statuses = await Promise.all(
      Array.from({ length: 301 }, async (_, call) => {
        const answer = await fetch(`http://127.0.0.1:${port}/trpc/server.info`, {
          headers: { 'x-forwarded-for': headerOf(call) },
        })
        await answer.text()
        return answer.status
      }),
    )
    await drain()
    return statuses.filter((status) => status === 429).length
  }
  const somebody = (call: number) => `198.51.100.${call % 200}`

  test('are counted by the socket: a forged header buys nothing', async () => {
    expect(await countRefused([], somebody)).toBe(1)
  })

  test('behind our proxy are counted by client, and a forged entry buys nothing', async () => {
    expect(await countRefused(['127.0.0.1'], somebody)).toBe(0)
    expect(await countRefused(['127.0.0.1'], (call) => `${somebody(call)}, 203.0.113.1`)).toBe(1)
  })
})
