import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestPlatform } from '../../test/platform.ts'
import { runServer } from '../../test/run-server.ts'
import { INSTANCE_FILE, writeInstanceFile } from './instance-file.ts'
import { CONTROL_FILE } from './open.ts'

/** Sound data to be damaged, and where. */
let sound: string
let data: string
let file: string

beforeAll(async () => {
  sound = mkdtempSync(join(tmpdir(), 'sound-'))
  await using platform = await openTestPlatform()
  const buyer = await platform.agent('buyer', { credits: '100' })
  for (let i = 0; i < 50; i++) await buyer.api.tasks.createTask({})
  await platform.deps.db.close()
  copyFileSync(join(platform.directory, CONTROL_FILE), join(sound, CONTROL_FILE))
  writeInstanceFile(sound, platform.deps.instanceId)
})
afterAll(() => rmSync(sound, { recursive: true }))

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'damaged-'))
  file = join(data, CONTROL_FILE)
  for (const name of [CONTROL_FILE, INSTANCE_FILE]) copyFileSync(join(sound, name), join(data, name))
  return () => rmSync(data, { recursive: true })
})

function change(sql: string): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  database.exec(sql)
  database.close()
}

function overwrite(at: number, bytes: Uint8Array): void {
  const content = readFileSync(file)
  content.set(bytes, at)
  writeFileSync(file, content)
}

const DAMAGE: [string, () => void, string][] = [
  ['cut in half', () => truncateSync(file, Math.floor(statSync(file).size / 2)), 'damaged'],
  ['with another header', () => overwrite(0, Buffer.from('Sqlite')), 'not a database of this program'],
  ['with a page overwritten', () => overwrite(8_192, Buffer.alloc(4_096, 0xff)), 'damaged'],
  ['of another program', () => change('PRAGMA application_id = 1'), 'not a database of this program'],
  ['of a newer version', () => change('PRAGMA user_version = 999'), 'written by a newer version'],
  ['missing where it was expected', () => rmSync(file), 'no database where one was expected'],
  ['without a byte in it', () => truncateSync(file, 0), 'not a database of this program'],
  ['that is a text', () => writeFileSync(file, 'dear diary\n'.repeat(1_000)), 'not a database of this program'],
  [
    'that is a directory',
    () => {
      rmSync(file)
      mkdirSync(file)
    },
    'cannot be read',
  ],
  [
    'of another installation',
    () => writeFileSync(join(data, INSTANCE_FILE), 'AAAAAAAAAAAAAAAAAAAAAA\n'),
    'of another installation',
  ],
  ['whose installation was forgotten', () => change('DELETE FROM installation'), 'of another installation'],
  ['with money out of nowhere', () => change('UPDATE accounts SET balance_micro = balance_micro + 1'), 'the ledger is damaged'],
]

/** The bytes of the database, if it is a file. */
function bytesOf(path: string): Buffer | undefined {
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path) : undefined
}

/** A few of them, for what shares its way with the start of a server. */
const SOME = DAMAGE.filter(([name]) => ['cut in half', 'without a byte in it', 'of another installation'].includes(name))

async function expectRefused(command: readonly string[], told: string): Promise<void> {
  const before = bytesOf(file)
  const instanceBefore = readFileSync(join(data, INSTANCE_FILE))

  const { exitCode, stdout, stderr } = await runServer([...command, '--plane', 'control', '--data', data])

  expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' })
  expect(stderr).toMatch(/^platform-server: [^\n]+\n$/)
  expect(stderr).toContain(told)
  expect(bytesOf(file)).toEqual(before)
  expect(readFileSync(join(data, INSTANCE_FILE))).toEqual(instanceBefore)
}

describe('one line, exit 78 and no byte changed:', () => {
  test.each(DAMAGE)('a server does not start on a database %s', async (_, damage, told) => {
    damage()
    await expectRefused(['serve', '--listen', '127.0.0.1:0'], told)
  })

  test.each(SOME)('a check refuses a database %s', async (_, damage, told) => {
    damage()
    await expectRefused(['check'], told)
  })

  test.each(SOME)('--init does not touch a database %s', async (_, damage, told) => {
    damage()
    await expectRefused(['migrate', '--init'], told)
  })
})

test('what is not damaged is used', async () => {
  expect(await runServer(['migrate', '--plane', 'control', '--data', data])).toMatchObject({ exitCode: 0 })
})

test('--init makes a new database, of a new installation, where the old one is missing', async () => {
  rmSync(file)

  expect(await runServer(['migrate', '--plane', 'control', '--init', '--data', data])).toMatchObject({ exitCode: 0 })
  expect(existsSync(file)).toBe(true)
  expect(existsSync(join(data, INSTANCE_FILE))).toBe(false)
})
