import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import {
  beginLog,
  endInterruptedLogs,
  LOGS_BYTES_MAX,
  LOGS_KEPT_MS,
  listLogs,
  pruneLogs,
  RUNS_MAX,
  readLog,
  STREAM_BYTES_MAX,
  sizeOfLog,
} from './job-logs.ts'
import { openVault, type Vault } from './vault.ts'

let home: ReturnType<typeof makeTestHome>
let vault: Vault
beforeEach(() => {
  home = makeTestHome()
  vault = openVault(home.path)
})
afterEach(() => {
  vault.close()
  home[Symbol.dispose]()
})

const begin = (attempt: number, nowMs = attempt) =>
  beginLog(vault, home.path, { assignmentId: 'asg_1', kind: 'execute', attempt }, nowMs)
const attempts = () => listLogs(vault).map(({ attempt }) => attempt)
const files = () => readdirSync(join(home.path, 'logs'))

test('a log has what was printed in its order, and how it ended', () => {
  const log = begin(1, 1_000)
  log.write('stdout', Buffer.from('a'))
  log.write('stderr', Buffer.from('b'))
  log.write('stdout', Buffer.from('c'))
  log.end('exit 0', 2_000)
  const [run] = listLogs(vault, 'asg_1')
  if (!run) throw new Error('no log')
  expect(run).toMatchObject({ assignmentId: 'asg_1', attempt: 1, startedAtMs: 1_000, endedAtMs: 2_000, outcome: 'exit 0' })
  const { printed, isWhole } = readLog(vault, home.path, run)
  expect(printed.map(({ stream, bytes }) => [stream, Buffer.from(bytes).toString()])).toEqual([
    ['stdout', 'a'],
    ['stderr', 'b'],
    ['stdout', 'c'],
  ])
  expect(isWhole).toBe(true)
  expect(listLogs(vault, 'asg_2')).toEqual([])
})

test('the first MiB of each stream is kept', () => {
  const log = begin(1)
  const chunk = Buffer.alloc(60_000, 'x')
  for (let at = 0; at < 40; at++) for (const stream of ['stdout', 'stderr'] as const) log.write(stream, chunk)
  log.end('exit 0', 2)
  const [run] = listLogs(vault)
  if (!run) throw new Error('no log')
  const kept = readLog(vault, home.path, run).printed
  for (const stream of ['stdout', 'stderr'] as const)
    expect(kept.filter((piece) => piece.stream === stream).reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(
      STREAM_BYTES_MAX,
    )
})

test('printing byte by byte takes no more than 4 MiB of disk', { timeout: 300_000 }, () => {
  const log = begin(1)
  for (let at = 0; at < 200_000; at++) log.write('stdout', Buffer.from('x'))
  log.end('exit 0', 2)
  const [run] = listLogs(vault)
  if (!run) throw new Error('no log')
  expect(readLog(vault, home.path, run).isWhole).toBe(true)
  expect(sizeOfLog(home.path, run)).toBeLessThan(4 * STREAM_BYTES_MAX + 100)
})

test('logs of the last 50 runs are kept, and of a run that goes on always', () => {
  const running = begin(0)
  for (let attempt = 1; attempt <= RUNS_MAX + 5; attempt++) begin(attempt).end('exit 0', attempt)
  pruneLogs(vault, home.path, 1_000)
  expect(attempts()).toEqual([...Array.from({ length: RUNS_MAX }, (_, at) => RUNS_MAX + 5 - at), 0])
  expect(files()).toHaveLength(RUNS_MAX + 1)
  running.end('exit 0', 1_000)
  pruneLogs(vault, home.path, 1_000)
  expect(attempts()).toHaveLength(RUNS_MAX)
})

test('logs are kept for a week; the key goes with them, and so does what is no log of a run', () => {
  begin(1).end('exit 0', 10)
  begin(2).end('exit 0', 11)
  writeFileSync(join(home.path, 'logs', 'asg_0.1.stdout.log'), 'of an earlier version')
  pruneLogs(vault, home.path, LOGS_KEPT_MS + 10)
  expect(attempts()).toEqual([2])
  expect(files()).toHaveLength(1)
  expect(vault.get('SELECT count(*) AS keys FROM job_logs')).toEqual({ keys: 1 })
})

test('logs take 64 MiB at most: the oldest go first', () => {
  const part = Buffer.alloc(STREAM_BYTES_MAX, 'x')
  const most = Math.floor(LOGS_BYTES_MAX / (2 * STREAM_BYTES_MAX))
  for (let attempt = 1; attempt <= most + 3; attempt++) {
    const log = begin(attempt)
    log.write('stdout', part)
    log.write('stderr', part)
    log.end('exit 0', attempt)
  }
  pruneLogs(vault, home.path, 1_000)
  const sizes = listLogs(vault).map((log) => sizeOfLog(home.path, log))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(LOGS_BYTES_MAX)
  expect(attempts()[0]).toBe(most + 3)
  expect(attempts().length).toBeGreaterThanOrEqual(most - 1)
})

test('a run that was cut off is said to be, when the next daemon begins', () => {
  begin(1).write('stdout', Buffer.from('so far'))
  begin(2).end('exit 0', 3)
  endInterruptedLogs(vault, 9)
  expect(listLogs(vault).map(({ outcome, endedAtMs }) => [outcome, endedAtMs])).toEqual([
    ['exit 0', 3],
    ['interrupted', 9],
  ])
})
