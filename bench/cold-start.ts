import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onSubjectCore } from './machine.ts'
import type { Options, Row, Target } from './row.ts'
import { median, percentile99 } from './statistics.ts'
import { startSubject } from './subject.ts'

const CLI = join(dirname(import.meta.dirname), 'packages/agent-cli/bin/run.js')
const STARTS = 30
/** The first starts fill the compile cache and open the session. */
const STARTS_UNMEASURED = 3
const FLAGS = ['--listen', '127.0.0.1:0', '--relay-listen', '127.0.0.1:0', '--log-level', 'error']

interface Start {
  readonly name: string
  readonly args: readonly string[]
  readonly target?: Target
  /** Requests that it makes: what they take is not the start's fault. */
  readonly requests?: number
}

const NOTHING = 'node -e 0'
const STARTS_OF: readonly Start[] = [
  { name: NOTHING, args: ['-e', '0'] },
  { name: '--version', args: [CLI, '--version'], target: { of: 'ratio', atMost: 3 } },
  { name: 'a local command (contacts list)', args: [CLI, 'contacts', 'list'], target: { of: 'ratio', atMost: 5 } },
  { name: 'one request (balance), less the request', args: [CLI, 'balance'], target: { of: 'ratio', atMost: 6 }, requests: 1 },
]

/** Start the command line again and again, one process after the other, in turns with a Node that does nothing. */
export async function benchColdStart({ isPinned }: Options): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  // Beside what is measured, on the core of the load: only the start is the subject.
  const server = stack.use(
    await startSubject('server', ['packages/platform-server/src/main.ts', '--data', join(root, 'data'), ...FLAGS], false),
  )
  const env = {
    ...process.env,
    AGENT_MARKETPLACE_HOME: join(root, 'home'),
    AGENT_MARKETPLACE_SERVER: server.origin,
    XDG_CACHE_HOME: join(root, 'cache'),
  }
  const start = (args: readonly string[]) => timeStart(onSubjectCore([process.execPath, ...args], isPinned), env)
  start([CLI, 'register', '--agent-id', 'bench'])

  const times = new Map<string, number[]>(STARTS_OF.map(({ name }) => [name, []]))
  const requestTimes: number[] = []
  for (let round = 0; round < STARTS + STARTS_UNMEASURED; round++) {
    for (const { name, args } of STARTS_OF) {
      const ms = start(args)
      if (round >= STARTS_UNMEASURED) times.get(name)?.push(ms)
    }
    requestTimes.push(await timeRequest(server.origin))
  }
  const base = median(times.get(NOTHING) ?? [])
  const requestMs = median(requestTimes)
  return STARTS_OF.map(({ name, target, requests = 0 }) => {
    const all = times.get(name) ?? []
    const value = median(all) - requests * requestMs
    return {
      group: 'cli',
      what: name,
      on: 'a whole process',
      value,
      unit: 'ms',
      p99Ms: percentile99(all),
      ratio: { value: value / base, of: NOTHING },
      target,
    }
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

/** One request over a connection of its own. */
function timeRequest(origin: string): Promise<number> {
  const startedAt = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request(`${origin}/trpc/server.info`, { agent: false }, (response) => {
    response.resume().once('end', () => resolve(performance.now() - startedAt))
  })
    .once('error', reject)
    .end()
  return promise
}
