import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findContact } from '../private/contacts.ts'
import { findNextIdentity, keepNextIdentity } from '../private/key-change.ts'
import { readKeyring } from '../private/keyring.ts'
import { replaceKey } from '../private/replace-key.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { type AgentOptions, openAgent } from './agent.ts'
import { backUpKey, restoreKey } from './back-up-key.ts'
import { mutate, query } from './call.ts'
import { CliError } from './cli-error.ts'
import { listContacts, verifyContact } from './contacts.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { diagnose } from './diagnose.ts'
import { showAgent } from './directory.ts'
import { renewPrekey } from './ensure-prekey.ts'
import { readInbox } from './read-inbox.ts'
import { recoverKey } from './recover-key.ts'
import { register } from './register.ts'
import { revokeKey } from './revoke-key.ts'
import { rotateKey } from './rotate-key.ts'
import { sendCard } from './send-card.ts'
import { sealCover } from './send-cover.ts'
import { sendMessage } from './send-message.ts'

let market: TestMarket
beforeAll(async () => {
  market = await startMarket()
}, 60_000)
afterAll(async () => {
  await market[Symbol.asyncDispose]()
  for (const home of homes) home[Symbol.dispose]()
})

const homes: Disposable[] = []
function makeDirectory(): string {
  const home = makeTestHome('am-key-')
  homes.push(home)
  return home.path
}

/** The feed moves once a second, on a machine that does other things as well. */
const SLOW = { timeout: 100_000 }
/** Shorter than a test may take, so that it says what it found. */
const POLLED = { timeout: 60_000 }

let count = 0
const joinAs = (name: string): Promise<TestAgent> => market.join(`${name}-${++count}`, { capabilities: ['text.extract'] })

/** An agent whose recovery key is at hand, in a file. */
async function joinWithRecovery(name: string) {
  const agentId = `${name}-${++count}`
  const directory = makeDirectory()
  const options = optionsIn(join(directory, 'home'))
  const { registered } = await register(options, { agentId })
  const file = join(directory, 'recovery-key.txt')
  writeFileSync(file, `${registered.recoveryKey}\n`, { mode: 0o600 })
  return { agentId, options, directory, recoveryKey: `@${file}`, agent: openAgent(options) }
}

function optionsIn(home: string): AgentOptions {
  return { profile: { name: 'default', directory: join(home, 'profiles', 'default') }, server: market.origin, timeoutMs: 30_000 }
}

const code = (expected: string) => expect.objectContaining({ code: expected })
const textsOf = async (agent: TestAgent, from: string) =>
  (await readInbox(agent, { from, waitS: 1 })).messages.map(({ summary }) => summary)

describe('key rotate', () => {
  test('whoever pinned the old key follows, however many changes behind, and compares anew', async () => {
    const [worker, buyer] = [await joinAs('worker'), await joinAs('buyer')]
    await showAgent(buyer, worker.agentId)
    const { safetyNumber } = await verifyContact(buyer, worker.agentId)
    expect(safetyNumber).toMatch(/^(?:\d{5} ){11}\d{5}$/)
    expect(await verifyContact(buyer, worker.agentId, safetyNumber)).toMatchObject({ verified: true })

    const first = await rotateKey(worker)
    await rotateKey(worker)
    const third = await rotateKey(worker)

    expect([first.seq, third.seq]).toEqual([2, 4])
    expect(third).not.toHaveProperty('recoveryKey')
    expect(await showAgent(buyer, worker.agentId)).toMatchObject({ fingerprint: third.fingerprint })
    expect(findContact(buyer.vault, worker.agentId, Date.now())).toMatchObject({
      fingerprint: third.fingerprint,
      isVerified: false,
    })
    expect(buyer.vault.all('SELECT * FROM key_conflicts')).toEqual([])
  })

  test('another process of the agent goes on under the new key, and nothing that was on its way is lost', async () => {
    const [worker, buyer] = [await joinAs('worker'), await joinAs('buyer')]
    await showAgent(worker, buyer.agentId)
    await showAgent(buyer, worker.agentId)
    await sendMessage(worker, { to: buyer.agentId, text: 'before' })
    await sendMessage(buyer, { to: worker.agentId, text: 'to the old prekey' })
    const other = worker.reopen()
    await query(other, 'settlement.balance', {})

    await rotateKey(worker)

    expect(await query(other, 'settlement.balance', {})).toEqual({ available: '0', held: '0' })
    await sendMessage(other as TestAgent, { to: buyer.agentId, text: 'after' })
    await showAgent(buyer, worker.agentId)
    await expect.poll(async () => (await textsOf(buyer, worker.agentId)).sort(), SLOW).toEqual(['after', 'before'])
    await expect.poll(() => textsOf(worker, buyer.agentId), SLOW).toEqual(['to the old prekey'])
  })

  test('a message under a key nobody knew yet is kept, asks the platform nothing, and is read once the change is known', async () => {
    const [worker, buyer] = [await joinAs('worker'), await joinAs('buyer')]
    await showAgent(worker, buyer.agentId)
    await showAgent(buyer, worker.agentId)
    await rotateKey(worker)
    await sendMessage(worker, { to: buyer.agentId, text: 'under the new key' })
    const before = findContact(buyer.vault, worker.agentId, Date.now())

    await expect.poll(() => readInbox(buyer, { waitS: 1 }), SLOW).toMatchObject({ messages: [], rejected: 1 })
    expect(findContact(buyer.vault, worker.agentId, Date.now())).toEqual(before)

    await showAgent(buyer, worker.agentId)
    await expect.poll(() => textsOf(buyer, worker.agentId), SLOW).toEqual(['under the new key'])
    expect(await readInbox(buyer)).toMatchObject({ rejected: 0 })
  })

  test('with a lost reply it is finished by the next call of any kind, and happens once', async () => {
    const worker = await joinAs('worker')
    const next = replaceKey(worker.keyring.card, { identityKey: worker.keyring.signKey.secretKey }, { nowMs: Date.now() })
    keepNextIdentity(worker.vault, next)
    // The platform has taken it; this machine never heard.
    await sendCard({ ...worker, vault: worker.vault }, next.keyring, { endorsement: next.endorsement })
    expect(readKeyring(worker.profile.directory)?.card).toEqual(worker.keyring.card)

    expect(await query(worker.reopen(), 'identity.whoami', {})).toMatchObject({ card: next.keyring.card })

    expect(readKeyring(worker.profile.directory)?.card).toEqual(next.keyring.card)
    expect(findNextIdentity(worker.vault)).toBeUndefined()
    const { rotations } = await query(worker.reopen(), 'identity.listRotations', { agentId: worker.agentId })
    expect(rotations).toHaveLength(1)
  })

  test('the new key is on disk before it is sent, and a change whose request never left is made by the same command', async () => {
    const worker = await joinAs('worker')
    const old = readKeyring(worker.profile.directory)
    await query(worker, 'settlement.balance', {})
    await market.crash()
    await expect(rotateKey(openAgent({ ...optionsOf(worker), timeoutMs: 300 }))).rejects.toThrow(code('unreachable'))
    await market.start()
    expect(findNextIdentity(worker.vault)).toBeUndefined()

    const next = replaceKey(worker.keyring.card, { identityKey: worker.keyring.signKey.secretKey }, { nowMs: Date.now() })
    keepNextIdentity(worker.vault, next)
    expect(readKeyring(worker.profile.directory)).toEqual(old)
    expect(await rotateKey(worker.reopen())).toMatchObject({ seq: 2 })
    expect(readKeyring(worker.profile.directory)?.card).toEqual(next.keyring.card)
  })

  test('refused, it leaves the old key in force and the refused one nowhere', async () => {
    const worker = await joinAs('worker')
    const stranger = replaceKey(
      worker.keyring.card,
      { identityKey: (await joinAs('other')).keyring.signKey.secretKey },
      { nowMs: 0 },
    )
    keepNextIdentity(worker.vault, stranger)

    await expect(rotateKey(worker)).rejects.toThrow(code('unauthenticated'))

    expect(findNextIdentity(worker.vault)).toBeUndefined()
    expect(await query(worker, 'identity.whoami', {})).toMatchObject({ card: worker.keyring.card })
  })

  test('is nothing to the agent itself: it writes to itself before and after, and is no contact of its own', SLOW, async () => {
    const worker = await joinAs('worker')
    await sendMessage(worker, { to: worker.agentId, text: 'before' })
    await rotateKey(worker)
    await sendMessage(worker, { to: worker.agentId, text: 'after' })
    // Those of one tick of the feed are in no order.
    await expect.poll(async () => (await textsOf(worker, worker.agentId)).sort(), POLLED).toEqual(['after', 'before'])
    expect(await readInbox(worker)).toMatchObject({ rejected: 0 })
    expect(listContacts(worker)).toEqual({ contacts: [] })
    expect(findContact(worker.vault, worker.agentId, Date.now())).toBeUndefined()
  })

  test('replaces the recovery key too where that is asked for', async () => {
    const { agent, agentId, directory, options } = await joinWithRecovery('worker')
    const { recoveryKey = '' } = await rotateKey(agent, { renewRecovery: true })
    const file = join(directory, 'new.txt')
    writeFileSync(file, recoveryKey, { mode: 0o600 })

    expect(readKeyring(options.profile.directory)).not.toHaveProperty('recoverySecret')
    expect(await recoverKey(optionsIn(join(directory, 'elsewhere')), { agentId, recoveryKey: `@${file}` })).toMatchObject({
      seq: 3,
    })
  })
})

describe('key recover', () => {
  test('on a machine that has nothing, takes the id over, ends the old key at once and gives the next recovery key', async () => {
    const { agentId, agent: thief, directory, recoveryKey } = await joinWithRecovery('worker')
    const buyer = await joinAs('buyer')
    await showAgent(buyer, agentId)
    await showAgent(thief, buyer.agentId)
    await sendMessage(thief, { to: buyer.agentId, text: 'under the stolen key' })
    const options = optionsIn(join(directory, 'new-home'))

    const recovered = await recoverKey(options, { agentId, recoveryKey })

    expect(recovered).toMatchObject({ agentId, seq: 2, recoveryKey: expect.stringMatching(/^[\w-]{86}$/) })
    await expect(query(openAgent(optionsOf(thief)), 'settlement.balance', {})).rejects.toThrow(code('unauthenticated'))
    expect(await query(openAgent(options), 'identity.whoami', {})).toMatchObject({ agentId })
    // The buyer follows, and believes nothing more under the key that was taken over.
    await showAgent(buyer, agentId)
    await expect.poll(() => readInbox(buyer, { waitS: 1 }), POLLED).toMatchObject({ messages: [], rejected: 1 })

    const again = join(directory, 'again.txt')
    writeFileSync(again, recovered.recoveryKey ?? '', { mode: 0o600 })
    expect(await recoverKey(options, { recoveryKey: `@${again}` })).toMatchObject({ seq: 3 })
    await expect(recoverKey(options, { recoveryKey })).rejects.toThrow(code('unauthenticated'))
  })

  test('what was promised to be sent is sent, signed anew: a drop that rested and one whose relay was away', SLOW, async () => {
    const { agentId, agent, options, recoveryKey } = await joinWithRecovery('worker')
    const buyer = await joinAs('buyer')
    await showAgent(buyer, agentId)
    await showAgent(agent, buyer.agentId)
    const resting = openAgent({ ...options, handoff: { delay: 'balanced' } })
    const { messageId, dueAtMs = 0 } = await sendMessage(resting, { to: buyer.agentId, text: 'rested' })
    const away = { ...agent, vault: agent.vault, relay: () => Promise.reject(new CliError('unreachable', 'away')) }
    await expect(sendMessage(away, { to: buyer.agentId, text: 'x'.repeat(20_000) })).rejects.toThrow(code('unreachable'))
    const before = agent.vault.all('SELECT slot_id, hold_until_ms FROM outbox')
    sealCover(agent)

    await recoverKey(options, { recoveryKey })
    await showAgent(buyer, agentId)
    const recovered = openAgent(options)
    // What cannot be sealed now waits, and does not hold up the rest.
    const pin = recovered.vault.get<{ prekey: Uint8Array }>('SELECT prekey FROM contacts WHERE agent_id = ?', buyer.agentId)
    recovered.vault.run('UPDATE contacts SET prekey = NULL WHERE agent_id = ?', buyer.agentId)
    const silent = { ...recovered.platform, query: () => Promise.reject(new CliError('unreachable', 'away')) }
    const late = { ...recovered, vault: recovered.vault, now: () => dueAtMs }
    await expect(
      deliverOutbox({ ...late, vault: recovered.vault, platform: silent }, { evenAfterFailure: true }),
    ).rejects.toThrow(code('unreachable'))
    recovered.vault.run('UPDATE contacts SET prekey = ? WHERE agent_id = ?', pin?.prekey ?? null, buyer.agentId)
    expect(recovered.vault.all('SELECT slot_id, hold_until_ms FROM outbox')).toEqual(before)

    const { sent } = await deliverOutbox(late, { evenAfterFailure: true })
    expect(sent).toHaveLength(2)
    expect(sent).toContain(messageId)
    const arrived = async () =>
      (await readInbox(buyer, { from: agentId, waitS: 1 })).messages.map(({ summary }) => summary.slice(0, 6)).sort()
    await expect.poll(arrived, POLLED).toEqual(['rested', 'xxxxxx'])
    expect(await readInbox(buyer)).toMatchObject({ rejected: 0 })
  })

  test('of an unknown agent and with another key leaves nothing behind', async () => {
    const { agentId, directory } = await joinWithRecovery('worker')
    const { recoveryKey } = await joinWithRecovery('other')
    const options = optionsIn(join(directory, 'new-home'))

    await expect(recoverKey(options, { agentId, recoveryKey })).rejects.toThrow(code('unauthenticated'))
    await expect(recoverKey(options, { agentId: 'nobody-at-all', recoveryKey })).rejects.toThrow(code('unauthenticated'))
    await expect(recoverKey(options, { recoveryKey })).rejects.toThrow(code('usage'))
    const file = join(directory, 'broken.txt')
    writeFileSync(file, 'AAAA', { mode: 0o600 })
    await expect(recoverKey(options, { agentId, recoveryKey: `@${file}` })).rejects.toThrow(code('usage'))
    expect(readKeyring(options.profile.directory)).toBeUndefined()
  })
})

test('key revoke: the agent has left, its contacts seal nothing to it, and only the recovery key brings it back', async () => {
  const { agent, agentId, options, recoveryKey } = await joinWithRecovery('worker')
  const buyer = await joinAs('buyer')
  await showAgent(buyer, agentId)

  expect(await revokeKey(agent)).toMatchObject({ seq: 2 })
  expect(await revokeKey(openAgent(options))).toMatchObject({ seq: 2 })

  await showAgent(buyer, agentId)
  await expect(sendMessage(buyer, { to: agentId, text: 'hello' })).rejects.toThrow(code('wrong_state'))
  await expect(register(options, { agentId, name: 'back again' })).rejects.toThrow(CliError)
  expect(await recoverKey(options, { recoveryKey })).toMatchObject({ seq: 3 })
  expect(await showAgent(buyer, agentId)).toMatchObject({ agentId })
})

describe('key backup and restore', () => {
  const passphrase = 'correct horse battery staple'

  test('bring the identity, the pins and what is on its way to another machine, with the passphrase and over nothing', async () => {
    const [worker, buyer] = [await joinAs('worker'), await joinAs('buyer')]
    await showAgent(worker, buyer.agentId)
    await showAgent(buyer, worker.agentId)
    const directory = makeDirectory()
    const path = join(directory, 'worker.age')
    await backUpKey(worker, { path, passphrase })
    await sendMessage(buyer, { to: worker.agentId, text: 'on its way' })
    const options = optionsIn(join(directory, 'new-home'))

    await expect(restoreKey(options, { path, passphrase: 'another' })).rejects.toThrow(code('usage'))
    expect(readKeyring(options.profile.directory)).toBeUndefined()
    await expect(backUpKey(worker, { path, passphrase })).rejects.toThrow(code('already_exists'))
    await expect(restoreKey(optionsOf(worker), { path, passphrase })).rejects.toThrow(code('already_exists'))
    expect(await restoreKey(options, { path, passphrase })).toMatchObject({ agentId: worker.agentId, seq: 1, isPublished: true })

    const restored = openAgent(options)
    expect(findContact(restored.vault, buyer.agentId, Date.now())?.card).toEqual(buyer.keyring.card)
    await expect.poll(() => readInbox(restored, { waitS: 1 }), SLOW).toMatchObject({ messages: [{ summary: 'on its way' }] })
    // What others seal from now on is for a prekey that the new machine has.
    const { prekey } = await showAgent(buyer, worker.agentId)
    expect(
      restored.vault.get('SELECT 1 AS found FROM prekeys WHERE prekey = ?', Buffer.from(prekey?.prekey ?? '', 'base64url')),
    ).toBeDefined()
    // Of the machine that lives on it is said so.
    const prekeyOf = async (on: AgentOptions) => (await diagnose(on)).checks.find(({ name }) => name === 'prekey')
    expect(await prekeyOf(options)).toMatchObject({ ok: true })
    expect(await prekeyOf(optionsOf(worker))).toMatchObject({ ok: false, detail: expect.stringMatching(/another machine/) })
  })
})

test('a machine whose files are older than its last prekey publishes a fresh one', async () => {
  const worker = await joinAs('worker')
  // What a copy of this machine, restored from yesterday, cannot know.
  const later = { ...worker, vault: worker.vault, now: () => Date.now() + 30_000 }
  worker.vault.run('DELETE FROM prekeys')
  const { currentPrekey } = await import('../private/prekeys.ts')
  const lost = currentPrekey(worker.vault, worker.keyring, later.now()).signed
  await mutate(worker, 'identity.publishPrekey', { prekey: lost })
  worker.vault.run('DELETE FROM prekeys')
  currentPrekey(worker.vault, worker.keyring, Date.now() - 3_600_000)

  await renewPrekey({ ...worker, vault: worker.vault, now: () => Date.now() + 45_000 })

  const { prekeyExpiresAtMs } = await query(worker, 'identity.whoami', {})
  const { signed } = currentPrekey(worker.vault, worker.keyring, Date.now() + 45_000)
  expect(prekeyExpiresAtMs).toBe(signed.expiresAtMs)
  expect(signed.prekey).not.toBe(lost.prekey)
})

test('a recovery key that was kept for a lost reply is shown by the next command about the key', async () => {
  const { agent, options } = await joinWithRecovery('worker')
  const next = replaceKey(
    agent.keyring.card,
    { identityKey: agent.keyring.signKey.secretKey },
    { nowMs: Date.now(), renewRecovery: true },
  )
  keepNextIdentity(agent.vault, next)
  await query(agent, 'settlement.balance', {})
  await agent.identity()

  expect(readKeyring(options.profile.directory)).toHaveProperty('recoverySecret')
  const { registered } = await register(options, { agentId: agent.agentId })
  expect(registered.recoveryKey).toMatch(/^[\w-]{86}$/)
})

/** As another process of the same profile. */
function optionsOf({ profile, server }: Pick<TestAgent, 'profile' | 'server'>): AgentOptions {
  return { profile, server, timeoutMs: 30_000 }
}
