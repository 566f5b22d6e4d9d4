import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fromBase64url, type SessionProof, sessionProofBytes } from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import { expect, test } from 'vitest'
import { makeKeyring } from '../private/keyring.ts'
import { makeTestHome } from '../test-home.ts'
import { CutConnection, startTestPlatform, TEST_TOKEN, type TestPlatform, TestRefusal } from '../test-platform.ts'
import { createPlatform, type Platform } from './client.ts'

const keyring = makeKeyring('buyer', { name: 'Buyer' }, 1_000)
const taskId = `task_${'0'.repeat(26)}`

function connect({ origin }: { origin: string }, directory: string, timeoutMs = 30_000, signal?: AbortSignal): Platform {
  return createPlatform({
    origin,
    caller: { agentId: keyring.agentId, identity: async () => keyring, directory },
    timeoutMs,
    signal,
    now: Date.now,
  })
}

test('a query opens a session with a proof for the server that was named, and parses the answer', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({ 'settlement.balance': () => ({ available: '5.25', held: '0' }) })

  expect(await connect(server, home.path).query('settlement.balance', {})).toEqual({ available: '5.25', held: '0' })

  expect(server.names()).toEqual(['identity.openSession', 'settlement.balance'])
  const proof = server.asked[0]?.input as SessionProof
  expect(proof).toMatchObject({ agentId: 'buyer', audience: server.origin })
  expect(verify('session', sessionProofBytes(proof), fromBase64url(proof.signature)!, keyring.signKey.publicKey)).toBe(true)
  expect(server.asked[0]?.token).toBeUndefined()
  expect(server.asked[1]?.token).toBe(TEST_TOKEN)
})

test('the session is kept 0600 for the next process and never shown to another server', async () => {
  using home = makeTestHome()
  const stop = new AbortController()
  await using one = await startTestPlatform({ 'settlement.balance': () => ({ available: '1', held: '0' }) })
  await using other = await startTestPlatform({
    'settlement.balance': () => ({ available: '2', held: '0' }),
    'identity.openSession': () => {
      stop.abort()
      return new Promise(() => undefined)
    },
  })
  await connect(one, home.path).query('settlement.balance', {})
  await connect(one, home.path).query('settlement.balance', {})
  const asked = connect(other, home.path, 30_000, stop.signal).query('settlement.balance', {})
  await expect(asked).rejects.toMatchObject({ code: 'interrupted' })

  expect(one.names()).toEqual(['identity.openSession', 'settlement.balance', 'settlement.balance'])
  expect(other.asked.map(({ token }) => token)).toEqual([undefined])
  const files = readdirSync(home.path)
  expect(files.map((name) => statSync(join(home.path, name)).mode & 0o777)).toEqual([0o600])

  // A cache that was moved under the name of another server is not believed.
  writeFileSync(
    join(home.path, files[0] ?? ''),
    readFileSync(join(home.path, files[0] ?? ''), 'utf8').replace(one.origin, 'https://evil.test'),
  )
  await connect(one, home.path).query('settlement.balance', {})
  expect(one.names().slice(3)).toEqual(['identity.openSession', 'settlement.balance'])
})

test('a session the server does not know any more is renewed once', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'settlement.balance': (_, times) => {
      if (times === 1) throw new TestRefusal('session_expired')
      return { available: '1', held: '0' }
    },
    'tasks.listTasks': () => {
      throw new TestRefusal('unauthenticated')
    },
  })
  const platform = connect(server, home.path)

  expect(await platform.query('settlement.balance', {})).toMatchObject({ available: '1' })
  await expect(platform.query('tasks.listTasks', {})).rejects.toMatchObject({ code: 'unauthenticated', exit: 3 })
  expect(server.names()).toEqual([
    'identity.openSession',
    'settlement.balance',
    'identity.openSession',
    'settlement.balance',
    'tasks.listTasks',
    'identity.openSession',
    'tasks.listTasks',
  ])
})

test('a mutation is retried under the same key, and every try of a proof is a new proof', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'identity.openSession': (_, times) => {
      if (times === 1) throw new CutConnection()
      return { token: TEST_TOKEN, expiresAtMs: Date.now() + 3_600_000 }
    },
    'tasks.createTask': (_, times) => {
      if (times === 1) throw new CutConnection()
      if (times === 2) throw new TestRefusal('overloaded', { retryAfterMs: 10 })
      return { taskId }
    },
  })

  expect(await connect(server, home.path).mutate('tasks.createTask', {}, { idempotencyKey: 'k1' })).toEqual({ taskId })

  const nonces = server.asked
    .filter(({ name }) => name === 'identity.openSession')
    .map(({ input }) => (input as SessionProof).nonce)
  expect(new Set(nonces).size).toBe(2)
  expect(server.asked.filter(({ name }) => name === 'tasks.createTask').map(({ key }) => key)).toEqual(['k1', 'k1', 'k1'])
})

test('a refusal arrives with everything the wire says', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'tasks.getTask': () => {
      throw new TestRefusal('not_found', { message: 'no such task', requestId: 'req-7', hint: 'look again' })
    },
  })
  await expect(connect(server, home.path).query('tasks.getTask', { taskId })).rejects.toMatchObject({
    code: 'not_found',
    exit: 4,
    message: 'no such task',
    requestId: 'req-7',
    hint: 'look again',
  })
})

test('bad input is refused here, names the field and not the value, and sends nothing', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({})
  const call = connect(server, home.path).query('tasks.getTask', { taskId: '../secret' })
  await expect(call).rejects.toMatchObject({ code: 'usage', exit: 2, message: 'taskId is not well formed' })
  expect(server.asked).toEqual([])
})

test('an answer that is not of the protocol is not believed', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({ 'settlement.balance': () => ({ available: '1', held: '0', note: 'extra' }) })
  await expect(connect(server, home.path).query('settlement.balance', {})).rejects.toMatchObject({ code: 'bad_answer', exit: 6 })
})

test('without an identity only what anybody may call works', async () => {
  await using server = await startTestPlatform({})
  const platform = createPlatform({ origin: server.origin, timeoutMs: 1_000, now: Date.now })
  await expect(platform.query('settlement.balance', {})).rejects.toMatchObject({ code: 'unauthenticated', exit: 3 })
  expect(server.asked).toEqual([])
})

test('a redirect is not followed, and no token goes along with it', async () => {
  using home = makeTestHome()
  await using target: TestPlatform = await startTestPlatform({})
  const redirecting = createServer((_, response) =>
    response.writeHead(307, { location: target.origin }).end('{"result":{"data":{}}}'),
  )
  await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`

  await expect(connect({ origin }, home.path).query('settlement.balance', {})).rejects.toMatchObject({
    code: 'bad_answer',
    message: expect.stringMatching(/redirects \(307\)/),
  })
  expect(target.asked).toEqual([])
  redirecting.closeAllConnections()
  redirecting.close()
})

test.each([
  ['HTML', '<html>proxy</html>', /not as Agent Marketplace/],
  ['too long', JSON.stringify('x'.repeat(5 * 1024 * 1024)), /longer than any/],
  ['cut JSON', '{"result":', /not as Agent Marketplace/],
])('an answer that is %s is not believed', async (_, body, message) => {
  using home = makeTestHome()
  const server = createServer((_request, response) => response.end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  await expect(connect({ origin }, home.path).query('settlement.balance', {})).rejects.toMatchObject({
    code: 'bad_answer',
    exit: 6,
    message: expect.stringMatching(message),
  })
  server.closeAllConnections()
  server.close()
})

test('a server that is away is unreachable, one that hangs too, and an interruption ends the wait', async () => {
  using home = makeTestHome()
  await using hanging = await startTestPlatform({ 'settlement.balance': () => new Promise(() => undefined) })
  await expect(connect({ origin: 'http://127.0.0.1:1' }, home.path, 100).query('settlement.balance', {})).rejects.toMatchObject({
    code: 'unreachable',
    exit: 6,
  })
  await expect(connect(hanging, home.path, 300).query('settlement.balance', {})).rejects.toMatchObject({
    code: 'unreachable',
    exit: 6,
  })
  const interrupted = connect(hanging, home.path, 60_000).query('settlement.balance', {}, { signal: AbortSignal.timeout(50) })
  await expect(interrupted).rejects.toMatchObject({ code: 'interrupted', exit: 130 })
})
