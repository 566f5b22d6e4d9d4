import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestAgent } from '../test-agent.ts'
import { startTestPlatform, type TestPlatform } from '../test-platform.ts'
import { diagnose } from './diagnose.ts'

const startServer = (change: { skewMs?: number; origin?: string; relayTokens?: 'on' | 'off'; relay?: string } = {}) => {
  let server: TestPlatform | undefined
  const started = startTestPlatform({
    'server.info': () => ({
      instanceId: 'A'.repeat(22),
      origin: change.origin ?? server?.origin,
      relayOrigins: [change.relay ?? 'http://127.0.0.1:1'],
      version: '0.1.0',
      protocol: 1,
      registration: 'open',
      deposits: 'open',
      relayTokens: change.relayTokens ?? 'off',
      nowMs: Date.now() + (change.skewMs ?? 0),
    }),
    'identity.whoami': ({ input }) => ({
      ...(input as object),
      agentId: 'worker',
      status: 'active',
      role: 'agent',
      trustTier: 2,
      card: { cardBytes: 'AA', signature: 'A'.repeat(86) },
    }),
  })
  return started.then((running) => {
    server = running
    return running
  })
}

async function look(
  server: TestPlatform,
  spoil: (directory: string) => void = () => undefined,
): Promise<Record<string, [boolean, string]>> {
  using opened = openTestAgent(server)
  const { profile } = opened.agent
  spoil(profile.directory)
  // Where nobody is, nobody is waited for; where a busy machine is slow, it is asked again.
  const ask = async (timeoutMs: number): Promise<Awaited<ReturnType<typeof diagnose>>> => {
    const found = await diagnose({ profile, server: server.origin, timeoutMs })
    return found.checks.some(({ detail }) => detail.includes('answer in time')) ? ask(2 * timeoutMs) : found
  }
  const { checks } = await ask(300)
  chmodSync(profile.directory, 0o700)
  return Object.fromEntries(checks.map(({ name, ok, detail }) => [name, [ok, detail]]))
}

test('what is in order is said to be, and what is not names the reason', async () => {
  await using server = await startServer()
  expect(await look(server)).toEqual({
    home: [true, expect.stringMatching(/yours alone/)],
    permissions: [true, expect.stringMatching(/you alone/)],
    policy: [true, expect.stringMatching(/whatever/)],
    disk: [true, expect.stringMatching(/MiB are free/)],
    daemon: [true, expect.stringMatching(/does not run/)],
    server: [true, expect.stringContaining(server.origin)],
    clock: [true, expect.stringMatching(/^this clock is/)],
    identity: [true, 'worker is active, and the platform has its key'],
    passes: [true, expect.stringMatching(/signed for/)],
    // Made by the test and never registered: nobody was shown its recovery key.
    key: [false, expect.stringMatching(/never shown/)],
    'key change': [true, 'none is under way'],
    contacts: [true, '0 pinned, 0 compared'],
    prekey: [false, expect.stringMatching(/there is none/)],
    relay: [false, expect.stringMatching(/cannot be reached/)],
    'relay tokens': [true, expect.stringMatching(/on this machine/)],
  })
})

test('a server under another name, a clock that is off and a relay anybody can fill are found', async () => {
  await using server = await startServer({ skewMs: 120_000, origin: 'https://market.test', relay: 'https://relay.test' })
  const found = await look(server)
  expect(found.server).toEqual([false, expect.stringContaining('--server https://market.test')])
  expect(found.clock).toEqual([false, expect.stringMatching(/1[12]\d.* s behind/)])
  expect(found['relay tokens']).toEqual([false, expect.stringMatching(/^off/)])
})

test('a home that is open to others is found, and what depends on the server is still looked at', async () => {
  await using server = await startServer()
  const found = await look(server, (directory) => chmodSync(directory, 0o755))
  expect(found.home).toEqual([false, expect.stringMatching(/chmod 700/)])
  expect(found.server?.[0]).toBe(true)
})

test('a server that is away is one finding a check, never an exception', async () => {
  const found = await look({ origin: 'http://127.0.0.1:1' } as TestPlatform)
  expect(found.server).toEqual([false, expect.stringMatching(/nothing listens there/)])
  expect(found.disk?.[0]).toBe(true)
})

test('a file of the profile that others can read, and limits that cannot be read, are found with what mends them', async () => {
  await using server = await startServer()
  const found = await look(server, (directory) => {
    writeFileSync(join(directory, 'policy.json'), '{"minprice":1}', { mode: 0o600 })
    mkdirSync(join(directory, 'logs'), { mode: 0o700 })
    writeFileSync(join(directory, 'logs', 'x.log'), '')
    chmodSync(join(directory, 'logs', 'x.log'), 0o644)
    mkdirSync(join(directory, 'jobs', 'of a worker'), { recursive: true, mode: 0o700 })
    chmodSync(join(directory, 'jobs', 'of a worker'), 0o755)
  })
  expect(found.permissions).toEqual([false, expect.stringMatching(/x\.log can be read by others \(chmod -R go= '/)])
  expect(found.policy).toEqual([false, expect.stringMatching(/policy\.json is damaged \(.*--reset/)])
})

test('every finding says what mends it', async () => {
  const away = await look({ origin: 'http://127.0.0.1:1' } as TestPlatform)
  await using server = await startServer({ skewMs: 120_000, origin: 'https://market.test', relay: 'https://relay.test' })
  const bad = [...Object.entries(away), ...Object.entries(await look(server))].filter(([, [ok]]) => !ok)
  expect(bad.length).toBeGreaterThan(6)
  for (const [name, [, detail]] of bad)
    expect([name, detail]).toEqual([name, expect.stringMatching(/ \([^()]+(?:\([^()]*\)[^()]*)?\)$/)])
})
