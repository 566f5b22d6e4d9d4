// Two versions over one database: servers of the next version, whose sources have a migration more, start while servers of this one are at work.
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import type { Place } from '../../packages/platform-server/test/place.ts'
import { Depositors } from '../crash/depositors.ts'
import { PAID, ScriptedJob } from '../crash/scripted-job.ts'
import { makeAgent } from '../stage/call.ts'
import { type Control, ORIGIN, startControl } from '../stage/control.ts'

const ROOT = join(import.meta.dirname, '../..')
const MIGRATIONS = 'packages/platform-server/src/storage/migrations'
/** What a next version may do: add, and nothing else. It changes tables that every job writes. */
const EXPAND = `
ALTER TABLE assignments ADD COLUMN colour_code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN opened_at_ms INTEGER;
ALTER TABLE agents ADD COLUMN shoe_size INTEGER NOT NULL DEFAULT 42;
CREATE INDEX assignments_by_colour ON assignments (colour_code, assignment_id);
CREATE TABLE shoes (agent_id TEXT PRIMARY KEY REFERENCES agents (agent_id), size INTEGER NOT NULL) STRICT;
`
/** What the version after it may do once no server of this one is left: take away. */
const contract = (schema: number) => `-- works from schema ${schema}
DROP INDEX assignments_by_colour;
ALTER TABLE assignments DROP COLUMN colour_code;
`
/** The schema of this version. */
const NOW = readdirSync(join(ROOT, MIGRATIONS)).length
const nameOf = (version: number) => join(MIGRATIONS, `${String(version).padStart(4, '0')}-planted.sql`)
const FLAGS = ['--rate-limits', 'off', '--fee-bps', '500']
const SERVERS_OF_NEXT = 3
const CLIENTS = 8

let place: Place
let sources: string
const running: Control[] = []
let made = 0

beforeAll(async () => {
  place = await postgres.open()
  sources = copyServer()
}, 120_000)
afterAll(async () => {
  await Promise.all(running.map(({ server }) => server.stop('SIGKILL')))
  await place[Symbol.asyncDispose]()
  rmSync(sources, { recursive: true })
})

/** A second copy of the server's sources, for the migrations of a next version. */
function copyServer(): string {
  const copy = mkdtempSync(join(tmpdir(), 'next-version-'))
  for (const name of ['packages/platform-server', 'packages/protocol'])
    cpSync(join(ROOT, name), join(copy, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (from) => !['dist', '.bin'].includes(basename(from)),
    })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

const mainOfNext = () => join(sources, 'packages/platform-server/src/main.ts')

async function start(main?: string): Promise<Control> {
  const flags = [...FLAGS, '--database', place.database ?? '']
  const control = await startControl(join(place.directory, `server-${++made}`), { flags, ...(main && { main }) })
  running.push(control)
  return control
}

test('the next version starts while this one works: nothing is refused or lost, both serve one job, and nothing is taken from whoever still needs it', {
  timeout: 300_000,
}, async () => {
  const old = await start()
  const giver = makeAgent('giver', ORIGIN)
  await giver.register(old.call)
  const token = await giver.openSession(old.call)
  const depositors = new Depositors(CLIENTS, { port: old.port, token, word: 'load' })
  await depositors.untilAnswered(CLIENTS)

  // The schema grows under load, however many servers find it too small at once.
  writeFileSync(join(sources, nameOf(NOW + 1)), EXPAND)
  const next = await Promise.all(Array.from({ length: SERVERS_OF_NEXT }, () => start(mainOfNext())))
  const [one] = next as [Control]
  await depositors.untilAnswered(depositors.answered.length + CLIENTS)

  // A job that is asked of the one and of the other version in turn; and a server of this version can still start.
  const again = await start()
  const job = new ScriptedJob()
  let turn = 0
  const inTurn: Control['call'] = (...call) => [old, one, again][turn++ % 3]!.call(...call)
  expect(await job.run(inTurn)).toBe('done')
  expect(await job.balances(inTurn)).toEqual(PAID)

  // What this version needs is not taken away while it is at work.
  writeFileSync(join(sources, nameOf(NOW + 2)), contract(NOW + 1))
  await expect(start(mainOfNext())).rejects.toThrow(`a server of schema ${NOW} is at work on it`)
  expect(await again.stop()).toBe(0)
  expect(await old.stop()).toBe(0)
  await depositors.ended
  expect({ dropped: depositors.dropped, refused: depositors.refused }).toEqual({ dropped: [], refused: [] })
  const newest = await start(mainOfNext())
  expect(await newest.call('settlement.balance', {}, { token })).toEqual({
    available: String(depositors.answered.length),
    held: '0',
  })
  // Those of the version between are still at work.
  expect(await job.balances(one.call)).toEqual(PAID)
  await expect(start()).rejects.toThrow(`written by a newer version (schema ${NOW + 2}, this program knows ${NOW})`)
})
