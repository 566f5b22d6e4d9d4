import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { needDebian } from '../../test/debian.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { type Cluster, startCluster } from '../../test/postgres-cluster.ts'
import { runServer } from '../../test/run-server.ts'

/** A PostgreSQL with its client programs, which the one of the other tests comes without. */
const BIN = '/usr/lib/postgresql/*/bin'
const PROGRAMS = ['pg_dump', 'pg_restore', 'initdb', 'postgres']

let bin: string
let cluster: Cluster
let scratch: string

beforeAll(async () => {
  bin = needDebian('postgresql', () => globSync(BIN).find((each) => PROGRAMS.every((name) => existsSync(join(each, name)))))
  cluster = await startCluster({ binaries: bin })
}, 600_000)
afterAll(() => cluster.stop())
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'postgres-commands-'))
  return () => rmSync(scratch, { recursive: true })
})

const onDatabase = (database: string, directory = join(scratch, 'data')) => [
  ...['--plane', 'control', '--database', database, '--data', directory],
]

async function say(database: string, sql: string): Promise<void> {
  const client = new pg.Client(database)
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** A platform with money on it: 100 credits, of which 30 are held. */
async function openWithMoney(): Promise<TestPlatform & { database: string; buyer: TestAgent }> {
  const database = await cluster.createDatabase()
  const platform = await openOn(database)
  const buyer = await platform.agent('buyer', { credits: '100' })
  await platform.agent('worker')
  const { taskId } = await buyer.api.tasks.createTask({})
  await buyer.api.tasks.assign({ taskId, assigneeAgentId: 'worker', kind: 'execute', price: '30' })
  return { ...platform, database, buyer }
}

async function openOn(database: string): Promise<TestPlatform> {
  const directory = mkdtempSync(join(scratch, 'again-'))
  return openTestPlatform(
    [],
    {},
    { engine: { name: 'PostgreSQL', open: async () => ({ directory, database, [Symbol.asyncDispose]: async () => {} }) } },
  )
}

test('a backup that is taken under load is of one moment; read back into an empty database it is the platform it was', async () => {
  await using platform = await openWithMoney()
  writeFileSync(join(platform.directory, 'relay-tokens.key'), Buffer.alloc(32, 7), { mode: 0o600 })
  const giver = await platform.agent('giver')
  let given = 0
  let isOver = false
  const give = async () => {
    for (; !isOver; given++) await giver.api.settlement.deposit({ amount: '1' })
  }
  const load = Array.from({ length: 4 }, give)
  while (given === 0) await new Promise(setImmediate)

  const before = given
  const copy = join(scratch, 'deep', 'copy')
  const made = await runServer(['backup', copy, ...onDatabase(platform.database, platform.directory)], { PATH: bin })
  const after = given
  isOver = true
  await Promise.all(load)
  expect(made).toEqual({ exitCode: 0, stdout: `backup: PostgreSQL, as of now, in ${copy}\n`, stderr: '' })
  expect(after).toBeGreaterThan(before)
  expect(readdirSync(copy).sort()).toEqual(['platform.dump', 'relay-tokens.key'])
  for (const name of readdirSync(copy)) expect(statSync(join(copy, name)).mode & 0o077).toBe(0)

  const restored = await cluster.createDatabase()
  execFileSync(join(bin, 'pg_restore'), [
    ...['--no-owner', '--exit-on-error', '--single-transaction', `--dbname=${restored}`, join(copy, 'platform.dump')],
  ])
  expect(await runServer(['check', ...onDatabase(restored)])).toMatchObject({ exitCode: 0, stderr: '' })
  const { stdout } = await runServer(['ledger', 'verify', ...onDatabase(restored)])
  const copied = Number(/^ledger: sound, ([0-9]+) entries$/m.exec(stdout)?.[1]) - 2
  expect(copied).toBeGreaterThanOrEqual(before)
  expect(copied).toBeLessThanOrEqual(after + load.length)
  await using again = await openOn(restored)
  expect(again.deps.instanceId).toBe(platform.deps.instanceId)
  const buyer = await again.resume(platform.buyer)
  expect(await buyer.api.settlement.balance({})).toEqual({ available: '70', held: '30' })
})

test.each([
  [
    'a balance that grew by itself',
    `UPDATE accounts SET balance_micro = balance_micro + 1 WHERE account = 'available:buyer'`,
    'deposits',
  ],
  [
    'a reference that leads nowhere',
    'ALTER TABLE tasks DISABLE TRIGGER ALL; DELETE FROM tasks; ALTER TABLE tasks ENABLE TRIGGER ALL',
    'refers to a row',
  ],
  [
    'a guard of the ledger that is switched off',
    'ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_stay',
    'ledger_entries_stay is switched off',
  ],
  [
    'a rule that was never checked',
    'ALTER TABLE accounts ADD CONSTRAINT rich CHECK (balance_micro > 5) NOT VALID',
    'constraint rich',
  ],
])('check finds %s', async (_, sql, told) => {
  await using platform = await openWithMoney()
  await say(platform.database, sql)

  const { exitCode, stdout, stderr } = await runServer(['check', ...onDatabase(platform.database)])
  expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' })
  expect(stderr).toMatch(/^platform-server: [^\n]+\n$/)
  expect(stderr).toContain(told)
})

test('check finds a page that was damaged on the disk', async () => {
  const platform = await openWithMoney()
  await platform[Symbol.asyncDispose]()
  const damaged = await cluster.copyDamaged(platform.database, 'events')

  const { exitCode, stderr } = await runServer(['check', ...onDatabase(damaged)])
  expect(exitCode).toBe(78)
  expect(stderr).toMatch(/^platform-server: --database: damaged \(invalid page [^\n]+\n$/)
})

test('a backup without pg_dump says what is missing and makes nothing of it', async () => {
  await using platform = await openWithMoney()
  const nowhere = join(scratch, 'copy')

  expect(await runServer(['backup', nowhere, ...onDatabase(platform.database)], { PATH: scratch })).toEqual({
    exitCode: 78,
    stdout: '',
    stderr: "platform-server: backup: pg_dump is not on the PATH; install the client programs of your PostgreSQL's version\n",
  })
  expect(existsSync(join(nowhere, 'platform.dump'))).toBe(false)
})
