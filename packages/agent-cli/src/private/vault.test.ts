import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { openVault, VAULT_FILE } from './vault.ts'
import { VAULT_VERSION } from './vault-schema.ts'

const write = 'INSERT INTO facts VALUES (?, ?)'
const count = 'SELECT count(*) AS count FROM facts'

test('a transaction is all or nothing', () => {
  using home = makeTestHome()
  const vault = openVault(home.path)
  const failing = () =>
    vault.transaction(() => {
      vault.run(write, 'a', '1')
      throw new Error('half way')
    })

  expect(failing).toThrow('half way')
  expect(vault.get(count)).toEqual({ count: 0 })
  expect(vault.transaction(() => vault.run(write, 'a', '1').changes)).toBe(1)
  expect(vault.all('SELECT * FROM facts')).toEqual([{ name: 'a', value: '1' }])
  vault.close()
})

test('a transaction inside another is a bug and leaves neither', () => {
  using home = makeTestHome()
  const vault = openVault(home.path)
  const nested = () =>
    vault.transaction(() => {
      vault.run(write, 'a', '1')
      return vault.transaction(() => vault.run(write, 'b', '1'))
    })

  expect(nested).toThrow('already open')
  expect(vault.get(count)).toEqual({ count: 0 })
  vault.close()
})

test('a note is there for other processes at once, and what is run after it waits for the disk again', () => {
  using home = makeTestHome()
  const vault = openVault(home.path)
  const other = openVault(home.path)
  vault.note(write, 'a', '1')

  expect(other.get(count)).toEqual({ count: 1 })
  expect(vault.get('PRAGMA synchronous')).toEqual({ synchronous: 2 })
  expect(() => vault.note(write, 'a', '2')).toThrow('UNIQUE')
  expect(vault.get('PRAGMA synchronous')).toEqual({ synchronous: 2 })
  expect(() => vault.transaction(() => vault.note(write, 'b', '1'))).toThrow('Safety level')
  expect(vault.get(count)).toEqual({ count: 1 })
  vault.close()
  other.close()
})

test('every file of the vault is 0600 under umask 000', () => {
  using home = makeTestHome()
  const umask = process.umask(0)
  const vault = openVault(home.path)
  vault.run(write, 'a', '1')
  process.umask(umask)

  const modes = readdirSync(home.path).map((name) => statSync(join(home.path, name)).mode & 0o777)
  expect(modes.length).toBeGreaterThanOrEqual(2)
  expect(new Set(modes)).toEqual(new Set([0o600]))
  vault.close()
})

test.each([
  ['exposed', (path: string) => chmodSync(path, 0o644), /open to other users/],
  ['not a database', (path: string) => writeFileSync(path, 'garbage '.repeat(200), { mode: 0o600 }), /not a vault/],
  ['newer', (path: string) => new DatabaseSync(path).exec(`PRAGMA user_version = ${VAULT_VERSION + 1}`), /newer version/],
])('a vault that is %s is refused', (_, spoil, message) => {
  using home = makeTestHome()
  openVault(home.path).close()
  spoil(join(home.path, VAULT_FILE))

  expect(() => openVault(home.path)).toThrow(
    expect.objectContaining({ code: 'local_state', message: expect.stringMatching(message) }),
  )
})

test('eight processes make the same vault and write to it at once: nothing is lost', async () => {
  using home = makeTestHome()
  const script = `
    import { openVault } from ${JSON.stringify(new URL('./vault.ts', import.meta.url).href)}
    import { once } from 'node:events'
    process.stdout.write('ready')
    await once(process.stdin, 'data')
    const vault = openVault(process.argv[1])
    for (let i = 0; i < 10; i++) vault.transaction(() => vault.run('INSERT INTO facts VALUES (?, ?)', process.pid + ' ' + i, 'x'))`
  const children = Array.from({ length: 8 }, () =>
    spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script, home.path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  const exits = Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]))
  // They start one after the other on a busy machine; what follows is done by all at once.
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
  for (const { stdin } of children) stdin.end('go')

  expect(await exits).toEqual(Array(8).fill(0))
  const vault = openVault(home.path)
  expect(vault.get(count)).toEqual({ count: 80 })
  vault.close()
})

test('a vault that another process is just making is waited for', async () => {
  using home = makeTestHome()
  const path = join(home.path, VAULT_FILE)
  writeFileSync(path, '', { mode: 0o600 })
  const maker = new DatabaseSync(path)
  maker.exec('BEGIN IMMEDIATE')
  const script = `
    import { openVault } from ${JSON.stringify(new URL('./vault.ts', import.meta.url).href)}
    process.stdout.write('opening')
    openVault(process.argv[1]).run('INSERT INTO facts VALUES (?, ?)', 'a', '1')`
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script, home.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  await setTimeout(300)
  maker.exec('ROLLBACK')
  maker.close()

  expect((await exit)[0]).toBe(0)
  const vault = openVault(home.path)
  expect(vault.get(count)).toEqual({ count: 1 })
  vault.close()
})
