import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RegisterInput as Sent } from '@agent-marketplace/protocol'
import { openCard } from '@agent-marketplace/protocol/statements'
import { expect, test } from 'vitest'
import { KEYRING_FILE, readKeyring } from '../private/keyring.ts'
import { makeTestHome } from '../test-home.ts'
import { CutConnection, startTestPlatform, type TestPlatform, TestRefusal } from '../test-platform.ts'
import type { AgentOptions } from './agent.ts'
import { register } from './register.ts'

const optionsFor = ({ origin }: TestPlatform, home: string): AgentOptions => ({
  profile: { name: 'default', directory: join(home, 'profiles', 'default') },
  server: origin,
  timeoutMs: 30_000,
})
const registrations = ({ asked }: TestPlatform) => asked.filter(({ name }) => name === 'identity.register')
const sentTo = (server: TestPlatform) => registrations(server).map(({ input }) => input as Sent)
const cardsOf = (server: TestPlatform) => sentTo(server).map(({ card }) => openCard(card, 'worker'))

test('the first registration makes an identity, and its recovery key is given once and not kept', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({})
  const options = optionsFor(server, home.path)
  const { registered } = await register(options, { agentId: 'worker', name: 'Worker', registrationToken: 'invite-1' })
  const { registered: again } = await register(options, { agentId: 'worker' })

  expect(registered).toMatchObject({ agentId: 'worker', outcome: 'registered', status: 'active' })
  expect(registered.recoveryKey).toMatch(/^[A-Za-z0-9_-]{86}$/)
  expect(again.recoveryKey).toBeUndefined()
  expect(again.fingerprint).toBe(registered.fingerprint)
  expect(readKeyring(options.profile.directory)?.recoverySecret).toBeUndefined()

  const [sent] = sentTo(server)
  expect(sent?.registrationToken).toBe('invite-1')
  expect(sent?.proof.audience).toBe(server.origin)
  expect(sent?.prekey.agentId).toBe('worker')
})

test('after a lost reply the same command sends the same card under the same key, with a fresh proof, and still gives the recovery key', async () => {
  using home = makeTestHome()
  let isLost = true
  await using server = await startTestPlatform({
    'identity.register': ({ input }) => {
      if (isLost) throw new CutConnection()
      return { agentId: (input as Sent).proof.agentId, outcome: 'registered', status: 'active' }
    },
  })
  const options = optionsFor(server, home.path)
  await expect(register({ ...options, timeoutMs: 1_000 }, { agentId: 'worker' })).rejects.toMatchObject({ code: 'unreachable' })
  isLost = false
  const { registered } = await register(options, { agentId: 'worker' })

  const sent = registrations(server).map(({ input, key }) => ({ ...(input as Sent), key }))
  expect(sent.length).toBeGreaterThanOrEqual(2)
  expect(new Set(sent.map(({ key }) => key)).size).toBe(1)
  expect(new Set(sent.map(({ card }) => card.cardBytes)).size).toBe(1)
  expect(new Set(sent.map(({ proof }) => proof.nonce)).size).toBe(sent.length)
  expect(registered.recoveryKey).toBeDefined()
})

test('a refused first registration leaves nothing that would stand in the way of another id', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'identity.register': ({ input }) => {
      const { agentId } = (input as Sent).proof
      if (agentId === 'taken') throw new TestRefusal('already_exists')
      return { agentId, outcome: 'registered', status: 'active' }
    },
  })
  const options = optionsFor(server, home.path)
  await expect(register(options, { agentId: 'taken' })).rejects.toMatchObject({ code: 'already_exists', exit: 5 })

  expect(existsSync(join(options.profile.directory, KEYRING_FILE))).toBe(false)
  const { registered } = await register(options, { agentId: 'worker' })
  expect(registered.agentId).toBe('worker')
  expect(sentTo(server)[1]?.prekey.agentId).toBe('worker')
})

test('a refused update keeps the identity', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'identity.register': ({ input }, times) => {
      if (times > 1) throw new TestRefusal('forbidden')
      return { agentId: (input as Sent).proof.agentId, outcome: 'registered', status: 'active' }
    },
  })
  const options = optionsFor(server, home.path)
  await register(options, { agentId: 'worker' })
  const before = readKeyring(options.profile.directory)

  await expect(register(options, { agentId: 'worker' })).rejects.toMatchObject({ code: 'forbidden' })
  expect(readKeyring(options.profile.directory)).toEqual(before)
})

test('another name is a next card that follows the one the platform has; the same name is the same card', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({
    'identity.whoami': () => {
      return { agentId: 'worker', status: 'active', role: 'agent', trustTier: 2, card: sentTo(server).at(-1)?.card }
    },
  })
  const options = optionsFor(server, home.path)
  await register(options, { agentId: 'worker', name: 'One' })
  await register(options, { agentId: 'worker', name: 'Two' })
  await register(options, { agentId: 'worker', name: 'Two' })

  expect(cardsOf(server).map((card) => [card?.seq, card?.name])).toEqual([
    [1, 'One'],
    [2, 'Two'],
    [2, 'Two'],
  ])
})

test('a platform that starts anew gets a first card again', async () => {
  using home = makeTestHome()
  let isNew = false
  await using server = await startTestPlatform({
    'identity.register': ({ input }) => {
      const seq = openCard((input as Sent).card, 'worker')?.seq
      if (isNew && seq !== 1) throw new TestRefusal('invalid_input')
      return { agentId: 'worker', outcome: 'registered', status: 'active' }
    },
    'identity.whoami': () => {
      throw new TestRefusal('unauthenticated')
    },
  })
  const options = optionsFor(server, home.path)
  await register(options, { agentId: 'worker', name: 'One' })
  await register(options, { agentId: 'worker', name: 'Two' })
  isNew = true
  await register(options, { agentId: 'worker' })

  expect(cardsOf(server).map((card) => [card?.seq, card?.name])).toEqual([
    [1, 'One'],
    [2, 'Two'],
    [2, 'Two'],
    [1, 'Two'],
  ])
})

test('a profile belongs to one agent', async () => {
  using home = makeTestHome()
  await using server = await startTestPlatform({})
  const options = optionsFor(server, home.path)
  await register(options, { agentId: 'worker' })

  await expect(register(options, { agentId: 'other' })).rejects.toMatchObject({ code: 'usage', exit: 2 })
  expect(registrations(server)).toHaveLength(1)
  expect(readdirSync(options.profile.directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
})
