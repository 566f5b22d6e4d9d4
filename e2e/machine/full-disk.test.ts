// The disk of an agent is full: its daemon stays, loses nothing, and does its work once there is room.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { balances, openMarket, orderFlags, untilState, workerCommand } from '../stage/market.ts'
import { Running } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'

const BIN = join(import.meta.dirname, '../../bin/agent-marketplace')
const DISK_MIB = 48

test('a full disk: the daemon stays, and does once there is room what it was given, once', { timeout: 240_000 }, async () => {
  await using stage = new Stage({ name: 'full-disk-' })
  const { buyer, executor } = await openMarket(stage)
  const disk = join(stage.directory, 'disk')
  mkdirSync(disk)
  // The disk is there for the daemon alone and gone with it. Who is not root becomes it in a user namespace.
  const isolate = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']
  const mountAndRun = `mount -t tmpfs -o size=${DISK_MIB}m,mode=0700 tmpfs "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"`
  const daemon = new Running(
    'unshare',
    [
      ...isolate,
      'sh',
      '-c',
      mountAndRun,
      'sh',
      disk,
      executor.home,
      BIN,
      'daemon',
      '--exec',
      workerCommand('extract-emails.mjs'),
      '--json',
    ],
    { env: { ...executor.env, AGENT_MARKETPLACE_HOME: disk } },
  )
  try {
    await daemon.line(({ event }) => event === 'started')
    const filler = join(`/proc/${daemon.child.pid}/root`, disk, 'filler')
    fill(filler)

    const { taskId } = await buyer.json('task', 'create')
    const hire = ['--kind', 'execute', '--assignee-agent-id', 'executor', '--capability', 'text.extract', '--price', '10']
    const { assignmentId: work } = await buyer.json('assign', '--task-id', taskId, ...hire)
    await buyer.json(...orderFlags(work))
    await daemon.line(({ event, message }) => event === 'warning' && /full/.test(String(message)))
    expect(daemon.hasEnded).toBe(false)
    expect((await buyer.json('assignment', 'show', '--assignment-id', work)).state).not.toBe('submitted')

    rmSync(filler)
    await untilState(buyer, work, ['submitted'], 90_000)
    await buyer.json('assignment', 'approve', '--assignment-id', work)
    const { files } = await buyer.json('work', 'fetch', '--assignment-id', work, '--out', join(stage.directory, 'result'))
    expect(files).toHaveLength(1)
    await daemon.line(({ event }) => event === 'submitted')
    expect(daemon.lines.filter(({ event }) => event === 'submitted')).toHaveLength(1)
    expect(await balances({ buyer, executor })).toEqual({
      buyer: { available: '90', held: '0' },
      executor: { available: '10', held: '0' },
    })
  } finally {
    await daemon.stop()
  }
})

/** Leave no room on a disk. */
function fill(path: string): void {
  const block = Buffer.alloc(4096)
  try {
    for (let mib = 0; mib <= DISK_MIB; mib++) writeFileSync(path, Buffer.alloc(1_048_576), { flag: 'a' })
  } catch {
    // The rest of the last mebibyte.
  }
  expect(() => {
    for (;;) writeFileSync(path, block, { flag: 'a' })
  }).toThrow('ENOSPC')
  expect(existsSync(path)).toBe(true)
}
