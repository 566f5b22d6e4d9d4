import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { runServer } from '../../test/run-server.ts'
import { writeInstanceFile } from '../storage/instance-file.ts'

const MIGRATIONS = readdirSync(join(import.meta.dirname, '..', 'storage', 'migrations')).length

let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'commands-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

/** A platform with money on it: 100 credits, of which 30 are held. */
async function openWithMoney(): Promise<TestPlatform> {
  const platform = await openTestPlatform()
  writeInstanceFile(platform.directory, platform.deps.instanceId)
  const buyer = await platform.agent('buyer', { credits: '100' })
  await platform.agent('worker')
  const { taskId } = await buyer.api.tasks.createTask({})
  await buyer.api.tasks.assign({ taskId, assigneeAgentId: 'worker', kind: 'execute', price: '30' })
  return platform
}

const onControl = (directory: string) => ['--plane', 'control', '--data', directory]

/** Change the data of a platform behind its back. */
function tamper(directory: string, sql: string): void {
  const database = new DatabaseSync(join(directory, 'platform.sqlite'), { enableForeignKeyConstraints: false })
  database.exec(sql)
  database.close()
}

describe('migrate', () => {
  test('makes the data of both planes where there is none, and leaves it as it is after that', async () => {
    const data = join(scratch, 'data')

    expect(await runServer(['migrate', '--data', data])).toMatchObject({
      exitCode: 0,
      stdout: 'control plane and relay: the schema is that of this version\n',
    })
    const before = readFileSync(join(data, 'platform.sqlite'))
    expect(await runServer(['migrate', '--data', data])).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(join(data, 'platform.sqlite')).equals(before)).toBe(true)
  })

  test('does nothing while a server has the data', async () => {
    await using platform = await openWithMoney()

    const { exitCode, stderr } = await runServer(['migrate', ...onControl(platform.directory)])
    expect(exitCode).toBe(78)
    expect(stderr).toMatch(/^platform-server: .*in use by another process\n$/)
  })
})

describe('check', () => {
  test('finds sound data sound, also while a server works on it, and changes nothing', async () => {
    await using platform = await openWithMoney()
    const before = readFileSync(join(platform.directory, 'platform.sqlite'))

    expect(await runServer(['check', ...onControl(platform.directory)])).toEqual({
      exitCode: 0,
      stdout: 'control plane: sound, 2 ledger entries\n',
      stderr: '',
    })
    expect(readFileSync(join(platform.directory, 'platform.sqlite')).equals(before)).toBe(true)
  })

  test.each([
    [
      'a balance that grew by itself',
      `UPDATE accounts SET balance_micro = balance_micro + 1 WHERE account = 'available:buyer'`,
      'deposits are somewhere',
    ],
    [
      'money that moved from one agent to another',
      `UPDATE accounts SET balance_micro = balance_micro - 1 WHERE account = 'available:buyer'; INSERT INTO accounts VALUES ('available:worker', 1)`,
      'not the sum of its postings',
    ],
    ['a hold that vanished', `UPDATE holds SET state = 'released'`, 'held money is in holds'],
    ['a reference that leads nowhere', `DELETE FROM tasks`, 'refers to a row that is not there'],
  ])('finds %s', async (_, sql, told) => {
    await using platform = await openWithMoney()
    tamper(platform.directory, sql)

    const { exitCode, stdout, stderr } = await runServer(['check', ...onControl(platform.directory)])
    expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' })
    expect(stderr).toMatch(/^platform-server: [^\n]+\n$/)
    expect(stderr).toContain(told)
  })

  test('of data that is not there says so', async () => {
    const { exitCode, stderr } = await runServer(['check', ...onControl(join(scratch, 'nothing'))])

    expect(exitCode).toBe(78)
    expect(stderr).toMatch(/no database where one was expected\n$/)
    expect(readdirSync(scratch)).toEqual([])
  })
})

describe('ledger verify', () => {
  test('reads every entry, also while a server works on it', async () => {
    await using platform = await openWithMoney()

    expect(await runServer(['ledger', 'verify', ...onControl(platform.directory)])).toEqual({
      exitCode: 0,
      stdout: 'ledger: sound, 2 entries\n',
      stderr: '',
    })
  })

  test('finds an entry that was changed', async () => {
    await using platform = await openWithMoney()
    tamper(
      platform.directory,
      `DROP TRIGGER ledger_entries_stay; UPDATE ledger_entries SET at_ms = at_ms + 1 WHERE kind = 'deposit'`,
    )

    const { exitCode, stderr } = await runServer(['ledger', 'verify', ...onControl(platform.directory)])
    expect(exitCode).toBe(78)
    expect(stderr).toMatch(/^platform-server: the ledger was changed \([^\n]+\)\n$/)
  })
})

describe('backup', () => {
  test('taken under load is of one moment and holds everything that was acknowledged before it', async () => {
    await using platform = await openWithMoney()
    const giver = await platform.agent('giver')
    const copy = join(scratch, 'deep', 'copy')
    let given = 0
    let isOver = false
    const give = async () => {
      while (!isOver) {
        await giver.api.settlement.deposit({ amount: '1' })
        given++
      }
    }
    const load = Array.from({ length: 8 }, give)
    while (given === 0) await new Promise(setImmediate)

    const before = given
    const made = await runServer(['backup', copy, ...onControl(platform.directory)])
    const after = given
    isOver = true
    await Promise.all(load)

    expect(made).toMatchObject({ exitCode: 0, stderr: '' })
    expect(after).toBeGreaterThan(before)
    const { stdout } = await runServer(['ledger', 'verify', ...onControl(copy)])
    const copied = Number(/^ledger: sound, ([0-9]+) entries$/m.exec(stdout)?.[1]) - 2
    expect(copied).toBeGreaterThanOrEqual(before)
    // What was under way may be in it, though its giver was not told yet.
    expect(copied).toBeLessThanOrEqual(after + load.length)
  })

  test('copied back is the installation it was, for nobody else to read', async () => {
    await using platform = await openWithMoney()
    writeFileSync(join(platform.directory, 'relay-tokens.key'), Buffer.alloc(32, 7), { mode: 0o600 })
    const copy = join(scratch, 'copy')

    expect(await runServer(['backup', copy, ...onControl(platform.directory)])).toEqual({
      exitCode: 0,
      stdout: `backup: schema ${MIGRATIONS}, as of now, in ${copy}\n`,
      stderr: '',
    })

    expect(readdirSync(copy).sort()).toEqual(['instance-id', 'platform.sqlite', 'relay-tokens.key'])
    for (const name of readdirSync(copy)) expect(statSync(join(copy, name)).mode & 0o077).toBe(0)
    expect(readFileSync(join(copy, 'instance-id'), 'utf8')).toBe(`${platform.deps.instanceId}\n`)
    expect(await runServer(['migrate', ...onControl(copy)])).toMatchObject({ exitCode: 0 })
    expect(await runServer(['check', ...onControl(copy)])).toMatchObject({ stdout: 'control plane: sound, 2 ledger entries\n' })
  })

  test('writes over nothing', async () => {
    await using platform = await openWithMoney()
    const full = join(scratch, 'full')
    mkdirSync(full)
    writeFileSync(join(full, 'diary.txt'), 'dear diary')

    const { exitCode, stderr } = await runServer(['backup', full, ...onControl(platform.directory)])
    expect(exitCode).toBe(78)
    expect(stderr).toMatch(/^platform-server: backup: expected a directory that is empty[^\n]*\n$/)
    expect(readdirSync(full)).toEqual(['diary.txt'])
  })

  test.each([['backup'], ['backup a b'], ['check it'], ['ledger'], ['ledger sell']])('%s is no command', async (line) => {
    const { exitCode, stderr } = await runServer([...line.split(' '), '--data', scratch])

    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^platform-server: unknown command[^\n]*\n$/)
  })
})
