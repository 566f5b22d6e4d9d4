import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Running } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'

/** The examples of `key`, `contacts` and `verify`, as a user types them. */
const stage = new Stage()
const KILLS = process.env.LONG === '1' ? 60 : 4
let alice: StagedAgent
let bob: StagedAgent
let recoveryKey: string
const secretFile = (name: string, secret: string) => {
  const path = join(stage.directory, name)
  writeFileSync(path, secret, { mode: 0o600 })
  return path
}

beforeAll(async () => {
  await stage.server.start()
  alice = stage.agent('alice')
  bob = stage.agent('bob')
  recoveryKey = (await alice.json('register', '--agent-id', 'alice')).recoveryKey
  await bob.json('register', '--agent-id', 'bob')
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

test('two people compare the same sixty digits, and a number that differs is exit 8', async () => {
  await alice.json('agents', 'show', 'bob')
  await bob.json('agents', 'show', 'alice')
  const { safetyNumber } = await alice.json('contacts', 'verify', 'bob')
  const other = String(safetyNumber).replace(/\d/, (digit) => String((Number(digit) + 1) % 10))

  expect(await bob.json('contacts', 'verify', 'alice')).toMatchObject({ safetyNumber, verified: false })
  expect(await bob.refused('contacts', 'verify', 'alice', '--number', other)).toMatchObject({ exit: 8, code: 'key_changed' })
  expect(await bob.json('contacts', 'verify', 'alice', '--number', safetyNumber)).toMatchObject({ verified: true })
  expect(await bob.refused('contacts', 'trust', 'alice', '--fingerprint', 'any')).toMatchObject({ exit: 5 })
  expect(await bob.refused('contacts', 'verify', 'nobody')).toMatchObject({ exit: 4 })
})

test('key rotate is followed by who knew the old key; a saved card is checked offline', async () => {
  const before = stage.file('before.json', (await alice.run(['agents', 'show', 'alice', '--json'])).stdout)
  const { fingerprint, seq } = await alice.json('key', 'rotate')

  expect(seq).toBe(2)
  expect(await alice.json('whoami')).toMatchObject({ fingerprint })
  const shown = await bob.run(['agents', 'show', 'alice', '--json'])
  expect(JSON.parse(shown.stdout)).toMatchObject({ fingerprint })
  expect(await bob.json('contacts', 'list')).toMatchObject({ contacts: [{ agentId: 'alice', fingerprint, verified: false }] })

  const after = stage.file('after.json', shown.stdout)
  await stage.server.stop()
  expect(await bob.json('verify', after)).toMatchObject({ valid: true, signer: 'alice', fingerprint, basis: 'pinned' })
  const old = await bob.run(['verify', before, '--json'])
  expect([old.exit, JSON.parse(old.stdout)]).toMatchObject([5, { valid: false }])
  const forged = stage.file(
    'forged.json',
    shown.stdout.replace(/"signature":"(.)/, (_, first) => `"signature":"${first === 'A' ? 'B' : 'A'}`),
  )
  expect((await stage.agent('arbiter').run(['verify', forged, '--json'])).exit).toBe(5)
  expect(await bob.refused('verify', stage.file('no.json', '{}'))).toMatchObject({ exit: 2 })
  await stage.server.start()
})

test('key rotate can be killed at any moment: the agent is never left without a key that the platform knows', {
  timeout: 600_000,
}, async () => {
  const carol = stage.agent('carol')
  await carol.json('register', '--agent-id', 'carol')
  await bob.json('agents', 'show', 'carol')
  const started = performance.now()
  await carol.json('key', 'rotate')
  const wholeMs = performance.now() - started

  for (let kill = 1; kill <= KILLS; kill++) {
    const rotating = new Running(join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace'), ['key', 'rotate', '--json'], {
      env: carol.env,
    })
    await setTimeout((wholeMs * kill) / KILLS)
    await rotating.stop('SIGKILL')
    // Any command finishes what was begun.
    expect(await carol.json('balance')).toEqual({ available: '0', held: '0' })
  }

  const { fingerprint } = await carol.json('whoami')
  expect(await bob.json('agents', 'show', 'carol')).toMatchObject({ fingerprint })
  expect((await carol.json('key', 'rotate')).seq).toBeGreaterThan(2)
})

test('key backup and restore: 0600, encrypted, nothing overwritten', async () => {
  const passphrase = `@${secretFile('passphrase.txt', 'correct horse battery staple\n')}`
  const out = join(stage.directory, 'alice.age')
  expect(await alice.json('key', 'backup', '--out', out, '--passphrase', passphrase)).toMatchObject({ agentId: 'alice', seq: 2 })

  expect(statSync(out).mode & 0o777).toBe(0o600)
  expect(readFileSync(out, 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
  expect(await alice.refused('key', 'backup', '--out', out, '--passphrase', passphrase)).toMatchObject({ exit: 5 })
  expect(await alice.refused('key', 'backup', '--out', `${out}.2`, '--passphrase', 'on the command line')).toMatchObject({
    exit: 2,
  })
  expect(await alice.refused('key', 'backup', '--out', `${out}.2`)).toMatchObject({ exit: 2 })
  expect(await alice.refused('key', 'restore', out, '--passphrase', passphrase)).toMatchObject({
    exit: 5,
    code: 'already_exists',
  })

  const machine = stage.agent('alice-restored')
  expect(await machine.json('key', 'restore', out, '--passphrase', passphrase)).toMatchObject({
    agentId: 'alice',
    isPublished: true,
  })
  expect(await machine.json('contacts', 'list')).toMatchObject({ contacts: [{ agentId: 'bob' }] })
})

test('key recover takes the id over on an empty machine, and key revoke ends it', async () => {
  const machine = stage.agent('alice-recovered')
  const file = secretFile('recovery-key.txt', recoveryKey)
  expect(await machine.refused('key', 'recover', '--recovery-key', `@${file}`)).toMatchObject({ exit: 2 })
  expect(await machine.refused('key', 'recover', '--agent-id', 'bob', '--recovery-key', `@${file}`)).toMatchObject({ exit: 3 })

  const recovered = await machine.json('key', 'recover', '--agent-id', 'alice', '--recovery-key', `@${file}`)

  expect(recovered).toMatchObject({ agentId: 'alice', seq: 3, recoveryKey: expect.not.stringMatching(recoveryKey) })
  expect(await alice.refused('balance')).toMatchObject({ exit: 3 })
  const { checks } = JSON.parse((await machine.run(['doctor', '--json'])).stdout) as { checks: { name: string; ok: boolean }[] }
  for (const name of ['key', 'key change', 'contacts', 'prekey'])
    expect(checks).toContainEqual(expect.objectContaining({ name, ok: true }))

  expect(await machine.refused('key', 'revoke')).toMatchObject({ exit: 2 })
  expect(await machine.json('key', 'revoke', '--yes')).toMatchObject({ agentId: 'alice', seq: 4 })
  await bob.json('agents', 'show', 'alice')
  expect(await bob.json('contacts', 'list')).toMatchObject({
    contacts: [{ agentId: 'alice', revoked: true }, { agentId: 'carol' }],
  })
  expect(await bob.refused('message', 'send', '--to', 'alice', '--text', 'hello')).toMatchObject({ exit: 5 })
})
