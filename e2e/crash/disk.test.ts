// A full disk is refused and survived; a disk that fails ends the server, which then has not said of anything that it was done when it was not.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { IDEMPOTENCY_HEADER, TRPC_PATH } from '@agent-marketplace/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { joinPlatform } from '../../bench/scene.ts'
import { openDeps } from '../../bench/seed.ts'
import { getBalance } from '../../packages/platform-server/src/settlement/operations.ts'
import { Running } from '../stage/process.ts'
import { needStrace } from '../stage/strace.ts'
import { expectThings, Writer } from './writer.ts'

const MAIN = join(import.meta.dirname, '../../packages/platform-server/src/main.ts')

/** A disk of its own, which is gone with the process. Who is not root becomes it in a user namespace. */
const ISOLATE = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'disk-'))
  return () => rmSync(directory, { recursive: true })
})

test('a full disk: writes are refused as storage_full, reads go on, and so do writes once there is room', async () => {
  const mountAndRun = 'mount -t tmpfs -o size=2m,mode=0700 tmpfs "$1" && TMPDIR="$1" exec "$2" --conditions=source "$3"'
  const script = join(import.meta.dirname, 'fill-disk.ts')
  const { stdout } = await promisify(execFile)('unshare', [
    ...ISOLATE,
    'sh',
    '-c',
    mountAndRun,
    'sh',
    directory,
    process.execPath,
    script,
  ])
  const seen = JSON.parse(stdout)

  expect(seen).toMatchObject({ refusal: 'storage_full', refusedAgain: 'storage_full', resumed: 'done' })
  expect(seen.readWhileFull).toBe(String(seen.answered))
  expect(seen.balance).toBe(String(seen.answered + 1))
})

test('on a full disk a server does not start, a check does not call the data damaged, and a backup leaves nothing behind', async () => {
  const inside = `
    mount -t tmpfs -o size=8m,mode=0700 tmpfs "$1" && cd "$1" || exit 9
    run() { "$node" --conditions=source "$main" "$@" --plane control --data data 2>&1; echo "exit $?"; }
    node=$2 main=$3
    run migrate
    # Room for a look at it, and none for a copy.
    dd if=/dev/zero of=ballast bs=4k 2>/dev/null; truncate -s -128K ballast
    run backup copy; ls copy | tr '\\n' ' '; echo
    rm -f data/*-shm data/*-wal; dd if=/dev/zero of=more bs=4k 2>/dev/null
    run serve --listen 127.0.0.1:0; run check
    rm ballast more; run check`
  const { stdout } = await promisify(execFile)('unshare', [
    ...ISOLATE,
    'sh',
    '-c',
    inside,
    'sh',
    directory,
    process.execPath,
    MAIN,
  ])
  const said = stdout.trim().split('\n')
  const full = /^platform-server: .*: the disk is full or fails \(.*\); the data are as they were$/
  expect(said).toEqual([
    'control plane: the schema is that of this version',
    'exit 0',
    expect.stringMatching(full),
    'exit 74',
    '',
    expect.stringMatching(full),
    'exit 74',
    expect.stringMatching(full),
    'exit 74',
    'control plane: sound, 0 ledger entries',
    'exit 0',
  ])
})

describe('a disk that fails', () => {
  const failing = (call: string, when: string) => [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:error=EIO:when=${when}`,
  ]

  test.each([
    ['a sync fails once', 'fsync', '30'],
    ['no sync works any more', 'fsync', '30+'],
    ['no write works any more', 'pwrite64', '90+'],
  ])('%s: nothing is answered from then on, the process ends, and what was answered is there', async (_, call, when) => {
    const writer = new Writer(directory, { word: 'thing', atOnce: 4, strace: failing(call, when) })
    expect(await writer.untilEnded(), writer.stderr).toBe(74)
    expect(writer.answered.length).toBeGreaterThan(0)
    expect(writer.stderr).toContain('failed: ')
    await expectThings(directory, writer.answered, 'after the failure')
  })

  test('a server says so in its log and ends; it answered nothing that is not there', async () => {
    const before = await openDeps({ directory })
    const { token } = await joinPlatform(before, 'bench')
    await before.db.close()
    const onlyItsLog = ['-P', join(directory, 'platform.sqlite-wal'), ...failing('fsync', '20+')]
    const args = ['--data', directory, '--listen', '127.0.0.1:0', '--plane', 'control']
    const server = new Running(needStrace(), [...onlyItsLog, process.execPath, '--conditions=source', MAIN, ...args])
    const { origin } = await server.line((line) => line.event === 'listening')
    const deposit = async (key: number) => {
      const headers = { authorization: `Bearer ${token}`, [IDEMPOTENCY_HEADER]: `key-${key}`, 'content-type': 'application/json' }
      const request = { method: 'POST', headers, body: JSON.stringify({ amount: '1' }) }
      return (await fetch(`${origin}${TRPC_PATH}/settlement.deposit`, request)).status
    }
    let answered = 0
    let status = await deposit(answered)
    for (; status === 200; status = await deposit(answered)) answered++

    expect(status).toBe(503)
    expect(await server.ended).toBe(74)
    expect(server.stderr).toContain('storage.failed')
    const deps = await openDeps({ directory })
    const { available } = await getBalance(deps, 'bench')
    await deps.db.close()
    expect(answered).toBeGreaterThan(0)
    expect([answered, answered + 1]).toContain(Number(available))
  })
})
