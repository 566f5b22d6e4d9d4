import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onSubjectCore } from './machine.ts'
import { median } from './statistics.ts'
import { startSubject } from './subject.ts'

const CLI = join(dirname(import.meta.dirname), 'packages/agent-cli/bin/run.js')
const STARTS = 30
/** The first starts fill the compile cache and open the session. */
const STARTS_UNMEASURED = 3

/** How long one command takes from its start to its end. */
export interface StartRow {
  readonly name: string
  readonly command: string
  readonly medianMs: number
  readonly p99Ms: number
  /** `medianMs` as a multiple of that of `node -e 0`. */
  readonly ratio: number
}

/** Start the command line again and again, one process after the other, in turns with a Node that does nothing. */
export async function benchColdStart(isPinned: boolean): Promise<StartRow[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const server = stack.use(
    await startSubject(
      'platform-server',
      [
        'packages/platform-server/src/main.ts',
        '--data',
        join(root, 'data'),
        '--listen',
        '127.0.0.1:0',
        '--relay-listen',
        '127.0.0.1:0',
        '--log-level',
        'error',
      ],
      isPinned,
    ),
  )
  const env = {
    ...process.env,
    AGENT_MARKETPLACE_HOME: join(root, 'home'),
    AGENT_MARKETPLACE_SERVER: server.origin,
    XDG_CACHE_HOME: join(root, 'cache'),
  }
  const start = (args: readonly string[]) => timeStart(onSubjectCore([process.execPath, ...args], isPinned), env)
  start([CLI, 'register', '--agent-id', 'bench'])

  const kinds = [
    { name: 'nothing', command: 'node -e 0', args: ['-e', '0'] },
    { name: 'version', command: '--version', args: [CLI, '--version'] },
    { name: 'local', command: 'contacts list', args: [CLI, 'contacts', 'list'] },
    { name: 'one request', command: 'balance', args: [CLI, 'balance'] },
  ]
  const times = new Map<string, number[]>(kinds.map(({ name }) => [name, []]))
  for (let round = 0; round < STARTS + STARTS_UNMEASURED; round++) {
    for (const { name, args } of kinds) {
      const ms = start(args)
      if (round >= STARTS_UNMEASURED) times.get(name)?.push(ms)
    }
  }
  const base = median(times.get('nothing') ?? [])
  return kinds.map(({ name, command }) => {
    const sorted = (times.get(name) ?? []).sort((a, b) => a - b)
    const medianMs = median(sorted)
    return { name, command, medianMs, p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN, ratio: medianMs / base }
  })
}

/** @returns wall time in milliseconds. @throws Error when the command fails: failing is fast, and would flatter. */
function timeStart([file, ...args]: [string, ...string[]], env: NodeJS.ProcessEnv): number {
  const startedAt = performance.now()
  const { status, stdout, stderr } = spawnSync(file, args, { env, encoding: 'utf8' })
  const ms = performance.now() - startedAt
  if (status !== 0) throw new Error(`${args.join(' ')} → exit ${status}\n${stdout}${stderr}`)
  return ms
}
