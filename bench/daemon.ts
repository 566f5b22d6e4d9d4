import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseConfig } from '../packages/platform-server/src/config.ts'
import { openRelayDatabase } from '../packages/platform-server/src/relay-plane.ts'
import { cpuSeconds, peakMiB, residentMiB } from './machine.ts'
import { machineAgent } from './machine-agent.ts'
import type { Options, Row } from './row.ts'
import { firstLine, guard, startSubject } from './subject.ts'

const RECORDS = 100_000
const HOUR_MS = 3_600_000
const LISTEN = ['--listen', '127.0.0.1:0', '--relay-listen', '127.0.0.1:0', '--relay-tokens', 'off', '--log-level', 'error']
/** It has caught up when it needs less than this share of a core for so long. */
const QUIET_SHARE = 0.05
const QUIET_MS = 5_000
const CATCH_UP_MAX_MS = 120_000

/** What a daemon costs that has nothing to do, once it has read a long feed. */
export async function benchDaemon({ isPinned, idleMinutes }: Options): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const data = join(root, 'data')
  await fillFeed(data)
  const server = stack.use(
    await startSubject('server', ['packages/platform-server/src/main.ts', '--data', data, '--init', ...LISTEN], isPinned),
  )
  const agent = machineAgent(join(root, 'home'), server.origin)
  await agent.run('register', '--agent-id', 'idle', '--capability', 'text.extract')

  const startedAt = performance.now()
  const daemon = agent.start(['daemon', '--json'])
  stack.defer(guard('daemon', daemon))
  await firstLine('daemon', daemon)
  const pid = daemon.pid ?? 0
  const used = () => cpuSeconds(pid) ?? Number.NaN
  await untilQuiet(used)
  const caughtUp = { seconds: (performance.now() - startedAt - QUIET_MS) / 1_000, cpu: used() }

  const idleMs = idleMinutes * 60_000
  await pause(idleMs)
  const idleCpu = used() - caughtUp.cpu
  const on = `${RECORDS.toLocaleString('en')} records on the feed`
  const row = (what: string, value: number, unit: string): Row => ({ group: 'daemon', what, on, value, unit })
  return [
    row('CPU to start and read the feed', caughtUp.cpu, 's'),
    row('time to start and read the feed', caughtUp.seconds, 's'),
    row(`CPU of a core while idle for ${idleMinutes} min`, (idleCpu / (idleMs / 1_000)) * 100, '%'),
    row('memory while idle', residentMiB(pid) ?? Number.NaN, 'MiB'),
    row('peak memory', peakMiB(pid) ?? Number.NaN, 'MiB'),
  ]
}

async function untilQuiet(used: () => number): Promise<void> {
  const deadline = performance.now() + CATCH_UP_MAX_MS
  for (;;) {
    const before = used()
    await pause(QUIET_MS)
    if ((used() - before) / (QUIET_MS / 1_000) < QUIET_SHARE) return
    if (performance.now() > deadline) throw new Error('the daemon does not come to rest')
  }
}

/** Records of messages to others, as the feed would have them after a busy week. */
async function fillFeed(data: string): Promise<void> {
  const db = openRelayDatabase(parseConfig(['--data', data, '--init'], {}).config)
  const expiryHour = Math.floor(Date.now() / HOUR_MS) + 48
  await db.write(async (tx) => {
    await tx.run(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
       INSERT INTO feed_records (position, record, expiry_hour) SELECT n, randomblob(40), $2 FROM numbers`,
      [RECORDS, expiryHour],
    )
    await tx.run('UPDATE feed_head SET published = $1', [RECORDS])
  })
  await db.close()
}
