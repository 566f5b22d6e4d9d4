import { createHash } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { decodeRelayToken, fromBase64url, relayTokenMessage, toBase64url } from '@agent-marketplace/protocol'
import { RSABSSA } from '@cloudflare/blindrsa-ts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { openTestIssuer, type TestIssuer } from '../../../platform-server/test/issuer.ts'
import vectors from '../../../protocol/vectors/tokens.json' with { type: 'json' }
import { countTokens, type TokenKeyName, takeToken } from '../private/tokens.ts'
import { openTestAgent } from '../test-agent.ts'
import { CutConnection, startTestPlatform, TestRefusal } from '../test-platform.ts'
import type { Agent } from './agent.ts'
import { drawTokens } from './draw-tokens.ts'
import type { TokenKey } from './token-keys.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const number = (hex: string) => BigInt(`0x${hex}`)

describe('the library that blinds', () => {
  const { n, message, randomizer, salt, inverse, blindedMessage, blindSignature, signature } = vectors.rfc9474

  test('gives the vector of RFC 9474', async () => {
    const suite = RSABSSA.SHA384.PSS.Randomized()
    const publicKey = await importKey(bytes(n))
    const chosen = [randomizer, salt, invert(inverse, n)].map(bytes)
    const random = vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
      const value = chosen.shift()!
      ;(array as Uint8Array).set(value)
      return array
    })
    const prepared = suite.prepare(bytes(message))
    const blinded = await suite.blind(publicKey, prepared)
    random.mockRestore()

    expect(hex(prepared)).toBe(randomizer + message)
    expect(hex(blinded.blindedMsg)).toBe(blindedMessage)
    expect(hex(blinded.inv)).toBe(inverse)
    expect(hex(await suite.finalize(publicKey, prepared, bytes(blindSignature), blinded.inv))).toBe(signature)
  })

  test.each(vectors.good)('finishes $name', async ({ class: name, epoch, nonce, randomizer, blindSignature, inverse, token }) => {
    const suite = RSABSSA.SHA384.PSS.Randomized()
    const tokenClass = name as 'message' | 'part'
    const publicKey = await importKey(bytes(vectors.keys[tokenClass].modulus))
    const prepared = Buffer.concat([bytes(randomizer), relayTokenMessage(tokenClass, { epoch, nonce: bytes(nonce) })])
    const finished = await suite.finalize(publicKey, prepared, bytes(blindSignature), bytes(inverse))
    expect(hex(finished)).toBe(hex(decodeRelayToken(bytes(token))!.signature))
  })
})

function importKey(modulus: Uint8Array) {
  const jwk = { kty: 'RSA', n: toBase64url(modulus), e: 'AQAB', ext: true }
  return globalThis.crypto.subtle.importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-384' }, true, ['verify'])
}

function invert(value: string, modulus: string): string {
  let [a, b, x, y] = [number(value), number(modulus), 1n, 0n]
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  const inverse = ((x % number(modulus)) + number(modulus)) % number(modulus)
  return inverse.toString(16).padStart(modulus.length, '0')
}

describe('a draw', () => {
  let issuer: TestIssuer
  let key: TokenKey
  beforeAll(async () => {
    issuer = await openTestIssuer()
    const { epoch, message } = issuer.keys.epochs[0]!
    key = keyOf(epoch, message)
  })

  function keyOf(epoch: number, modulus: string): TokenKey {
    const keyId = createHash('sha256').update(fromBase64url(modulus)!).digest()
    return { epoch, tokenClass: 'message', modulus, keyId, expiresAtMs: Date.now() + 1_000_000 }
  }

  function takeAll({ vault }: Agent, { keyId }: TokenKeyName): Uint8Array[] {
    const tokens: Uint8Array[] = []
    for (;;) {
      const token = takeToken(vault, keyId, Buffer.alloc(16, tokens.length))
      if (!token) return tokens
      tokens.push(token)
    }
  }

  const blindsOf = ({ vault }: Agent) => vault.all('SELECT * FROM relay_blinds').length

  test('lays tokens in stock that the relay takes, each for its class and once', async () => {
    await using platform = await startTestPlatform({ 'relayTokens.issue': issuer.issue })
    using opened = openTestAgent(platform)
    await drawTokens(opened.agent, key, 3)
    const tokens = takeAll(opened.agent, key)

    const verified = await Promise.all(tokens.map((token) => issuer.verifier.verify(token, 'message')))
    expect(new Set(verified.map((each) => hex(each!.spentHash))).size).toBe(3)
    expect(await Promise.all(tokens.map((token) => issuer.verifier.verify(token, 'part')))).toEqual(Array(3).fill(undefined))
    expect(tokens.map((token) => decodeRelayToken(token)?.epoch)).toEqual(Array(3).fill(key.epoch))
    expect(blindsOf(opened.agent)).toBe(0)
  })

  test('leaves this thread to others: what it costs is paid in another one', async () => {
    await using platform = await startTestPlatform({ 'relayTokens.issue': issuer.issue })
    using opened = openTestAgent(platform)
    const delays = monitorEventLoopDelay({ resolution: 1 })
    const [before, ownBefore] = [process.cpuUsage(), process.threadCpuUsage()]
    delays.enable()
    await drawTokens(opened.agent, key, 20)
    delays.disable()
    const [all, own] = [process.cpuUsage(before), process.threadCpuUsage(ownBefore)]

    expect(countTokens(opened.agent.vault, Date.now()).message).toBe(20)
    // Processor time, which a busy machine does not stretch; and half of all waits: 40 ms while a token is blinded here.
    expect(own.user / all.user).toBeLessThan(0.5)
    expect(delays.percentile(50) / 1e6).toBeLessThan(25)
  })

  test('whose answer is lost is asked for again, under the same key and with the same numbers', async () => {
    await using platform = await startTestPlatform({
      'relayTokens.issue': (asked, times) => {
        if (times <= 1) throw new CutConnection()
        return issuer.issue(asked)
      },
    })
    using opened = openTestAgent(platform)
    await drawTokens(opened.agent, key, 2)

    const calls = platform.asked.filter(({ name }) => name === 'relayTokens.issue')
    expect(calls).toHaveLength(2)
    expect(calls[0]).toEqual(calls[1])
    expect(countTokens(opened.agent.vault, Date.now())).toEqual({ message: 2, part: 0 })
  })

  test('that a killed process had begun is finished by the next, which draws nothing of its own', async () => {
    let isDown = true
    await using platform = await startTestPlatform({
      'relayTokens.issue': (asked) => {
        if (isDown) throw new CutConnection()
        return issuer.issue(asked)
      },
    })
    using opened = openTestAgent(platform)
    await expect(drawTokens(opened.impatient(1_000), key, 3)).rejects.toMatchObject({ code: 'unreachable' })
    expect(blindsOf(opened.agent)).toBe(3)

    isDown = false
    await drawTokens(opened.agent, key, 1)
    expect(new Set(platform.asked.filter(({ name }) => name === 'relayTokens.issue').map((asked) => asked.key)).size).toBe(1)
    expect(takeAll(opened.agent, key)).toHaveLength(3)
    expect(blindsOf(opened.agent)).toBe(0)
  })

  test('that is refused leaves nothing behind', async () => {
    await using platform = await startTestPlatform({
      'relayTokens.issue': () => {
        throw new TestRefusal('capacity_exceeded')
      },
    })
    using opened = openTestAgent(platform)
    await expect(drawTokens(opened.agent, key, 2)).rejects.toMatchObject({ code: 'capacity_exceeded' })
    expect([takeAll(opened.agent, key), blindsOf(opened.agent)]).toEqual([[], 0])
  })

  test.each<[string, (signatures: string[]) => string[]]>([
    ['wrong', (signatures) => signatures.map(() => toBase64url(new Uint8Array(256).fill(1)))],
    ['in another order', (signatures) => signatures.toReversed()],
    ['too few', (signatures) => signatures.slice(1, 2)],
  ])('that is answered with signatures that are %s is no draw', async (_, change) => {
    await using platform = await startTestPlatform({
      'relayTokens.issue': async (asked) => {
        const issued = await issuer.issue(asked)
        return { ...issued, signatures: change(issued.signatures) }
      },
    })
    using opened = openTestAgent(platform)
    await expect(drawTokens(opened.agent, key, 2)).rejects.toMatchObject({ code: 'bad_answer' })
    expect(takeAll(opened.agent, key)).toEqual([])
  })

  test('with another key than the one the relay states is no draw', async () => {
    await using platform = await startTestPlatform({ 'relayTokens.issue': issuer.issue })
    using opened = openTestAgent(platform)
    const stated = keyOf(key.epoch, issuer.keys.epochs[0]!.part)
    await expect(drawTokens(opened.agent, stated, 1)).rejects.toMatchObject({ code: 'bad_answer' })
    expect(takeAll(opened.agent, stated)).toEqual([])
  })
})
