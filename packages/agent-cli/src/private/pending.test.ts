import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { CliError } from '../agent/cli-error.ts'
import { makeTestHome } from '../test-home.ts'
import { withKey } from './pending.ts'
import { openVault, type Vault } from './vault.ts'

const DAY_MS = 86_400_000
const intent = { procedure: 'tasks.createTask', input: { reviewRule: 'unanimous' } }

function openSender(): { sender: { vault: Vault; server: string; now: () => number }; clock: { nowMs: number } } & Disposable {
  const home = makeTestHome()
  const vault = openVault(home.path)
  const clock = { nowMs: 1_700_000_000_000 }
  return {
    sender: { vault, server: 'http://127.0.0.1:1', now: () => clock.nowMs },
    clock,
    [Symbol.dispose]() {
      vault.close()
      home[Symbol.dispose]()
    },
  }
}

const pendingKeys = (vault: Vault) => vault.all<{ key: string }>('SELECT key FROM pending').map(({ key }) => key)
const lost = async () => {
  throw new CliError('unreachable', 'no answer')
}
const keyOf = async (key: string) => key

test('the key is on disk before it is sent and gone after the answer', async () => {
  using opened = openSender()
  const { vault } = opened.sender
  const seen = await withKey(opened.sender, intent, async (key) => ({ key, onDisk: pendingKeys(vault) }))

  expect(seen.onDisk).toEqual([seen.key])
  expect(pendingKeys(vault)).toEqual([])
})

test('after a lost reply the error names the key, and the same command sends the same input under it', async () => {
  using opened = openSender()
  const { sender } = opened
  const failure = await withKey(sender, { ...intent, sameAs: 'verdict', input: { atMs: 1 } }, lost).catch(
    (error: unknown) => error as CliError,
  )
  const again = await withKey(sender, { ...intent, sameAs: 'verdict', input: { atMs: 2 } }, async (key, input) => ({
    key,
    input,
  }))

  expect(failure).toMatchObject({ code: 'unreachable' })
  expect(again).toEqual({ key: (failure as CliError).idempotencyKey, input: { atMs: 1 } })
  expect(await withKey(sender, { ...intent, sameAs: 'verdict', input: { atMs: 3 } }, keyOf)).not.toBe(again.key)
})

test('a refusal settles it: the next command has a new key', async () => {
  using opened = openSender()
  const { sender } = opened
  const keys: string[] = []
  const refused = (key: string) => {
    keys.push(key)
    return Promise.reject(new CliError('insufficient_funds', 'no'))
  }
  await expect(withKey(sender, intent, refused)).rejects.toMatchObject({ code: 'insufficient_funds', idempotencyKey: undefined })
  await expect(withKey(sender, intent, refused)).rejects.toMatchObject({ code: 'insufficient_funds' })

  expect(new Set(keys).size).toBe(2)
  expect(pendingKeys(sender.vault)).toEqual([])
})

test('two commands at the same time are two', async () => {
  using opened = openSender()
  const keys = await Promise.all([1, 2, 3].map(() => withKey(opened.sender, intent, keyOf)))
  expect(new Set(keys).size).toBe(3)
})

test('the key of a killed process is taken up; that of a living one is not', async () => {
  using opened = openSender()
  const { sender } = opened
  const dead = spawnSync(process.execPath, ['-e', '0']).pid
  await withKey(sender, intent, lost).catch(() => undefined)
  const [key = ''] = pendingKeys(sender.vault)

  sender.vault.run('UPDATE pending SET owner = ?', process.ppid)
  expect(await withKey(sender, intent, keyOf)).not.toBe(key)
  sender.vault.run('UPDATE pending SET owner = ?', dead)
  expect(await withKey(sender, intent, keyOf)).toBe(key)
})

test('another input, procedure or server has its own key; an own key is used as it is', async () => {
  using opened = openSender()
  const { sender } = opened
  await withKey(sender, intent, lost).catch(() => undefined)
  const [key] = pendingKeys(sender.vault)

  expect(await withKey(sender, { ...intent, input: { reviewRule: 'majority' } }, keyOf)).not.toBe(key)
  expect(await withKey(sender, { ...intent, procedure: 'tasks.assign' }, keyOf)).not.toBe(key)
  expect(await withKey({ ...sender, server: 'http://127.0.0.1:2' }, intent, keyOf)).not.toBe(key)
  expect(await withKey(sender, { ...intent, key: 'mine' }, keyOf)).toBe('mine')
  expect(await withKey(sender, intent, keyOf)).toBe(key)
})

test('an unanswered call is forgotten a day before the platform forgets its key', async () => {
  using opened = openSender()
  const { sender, clock } = opened
  await withKey(sender, intent, lost).catch(() => undefined)
  const [key] = pendingKeys(sender.vault)

  clock.nowMs += 6 * DAY_MS + 1
  expect(await withKey(sender, intent, keyOf)).not.toBe(key)
  expect(pendingKeys(sender.vault)).toEqual([])
})
