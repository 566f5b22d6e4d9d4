import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../packages/platform-server/test/postgres-cluster.ts'
import { callHeaders, load, type Request, type Sample } from './load.ts'
import type { EngineName, Options, Row, Target } from './row.ts'
import { type Scene, seedScene } from './scene.ts'
import type { Home } from './seed.ts'
import { median } from './statistics.ts'
import { type Subject, startSubject } from './subject.ts'

/** Verdicts in one run: each needs a job that was brought that far before. */
const VERDICTS = 500

interface Call {
  readonly name: string
  /** Makes the requests of one server. */
  readonly make: (scene: Scene) => () => Request
  /** So many in a run, where time is not the measure. */
  readonly calls?: number
  readonly target?: Target
}

const CALLS: readonly Call[] = [
  {
    name: 'trivial query (server.info)',
    make:
      ({ token }) =>
      () => ({ method: 'GET', path: '/trpc/server.info?input=%7B%7D', headers: callHeaders(token, false) }),
    target: { of: 'ratio', atLeast: 0.6 },
  },
  {
    name: 'heartbeat',
    make:
      ({ token }) =>
      () =>
        mutation('heartbeat.beat', token, { busy: false }),
    target: { of: 'ratio', atLeast: 0.5 },
  },
  {
    name: 'createTask, durable',
    make:
      ({ token }) =>
      () =>
        mutation('tasks.createTask', token, { reviewRule: 'majority', buyerMayReview: false }),
    target: { of: 'value', atLeast: 5_000 },
  },
  {
    name: 'assign with money',
    make:
      ({ assign }) =>
      () => {
        const { token, input } = assign()
        return mutation('tasks.assign', token, input)
      },
  },
  {
    name: 'verdict with settlement',
    calls: VERDICTS,
    make: ({ verdicts: { token, inputs } }) => {
      let used = 0
      return () => mutation('review.submitVerdict', token, inputs[used++] ?? {})
    },
  },
]

const SERVERS = { ours: 'ours', 'tRPC standalone adapter': 'stock', 'bare node:http': 'bare' } as const
/** The one that the others are compared with. */
const BASE = 'bare node:http' satisfies keyof typeof SERVERS
const ENGINE_TITLES: Record<EngineName, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }

interface Measured extends Sample {
  readonly cpuMicros: number | undefined
}

type Side = { readonly subject: Subject; readonly next: ReadonlyMap<string, () => Request> }

/** Measure every call on every server over every engine. Repeats take turns, so that what changes on the machine changes for all. */
export async function benchControlPlane(options: Options): Promise<Row[]> {
  const rows: Row[] = []
  for (const engine of options.engines) rows.push(...(await benchEngine(engine, options)))
  return rows
}

async function benchEngine(engine: EngineName, options: Options): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const jobs = VERDICTS * (options.repeats + 1)
  const sides: Side[] = []
  await using homes = engine === 'sqlite' ? sqliteHomes(root) : await postgresHomes(root)
  const { scene, copies } = await homes.fill(Object.keys(SERVERS).length, (home) => seedScene(home, jobs))
  for (const [index, [name, file]] of Object.entries(SERVERS).entries()) {
    const home = copies[index]
    if (!home) throw new Error('a copy is missing')
    const args = [home.directory, ...(home.database ? [home.database] : [])]
    const subject = stack.use(await startSubject(name, [`bench/servers/${file}.ts`, ...args], options.isPinned))
    sides.push({ subject, next: new Map(CALLS.map((call) => [call.name, call.make(scene)])) })
  }
  const rows: Row[] = []
  for (const call of CALLS) rows.push(...(await benchCall(call, sides, { ...options, engine })))
  return rows
}

interface Homes extends AsyncDisposable {
  /** Fill one and copy it. */
  fill(count: number, seed: (home: Home) => Promise<Scene>): Promise<{ scene: Scene; copies: Home[] }>
}

function sqliteHomes(root: string): Homes {
  return {
    async fill(count, seed) {
      const directory = join(root, 'seed')
      const scene = await seed({ directory })
      const copies = Array.from({ length: count }, (_, index) => ({ directory: join(root, `copy-${index}`) }))
      for (const copy of copies) cpSync(directory, copy.directory, { recursive: true })
      return { scene, copies }
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function postgresHomes(root: string): Promise<Homes> {
  const cluster = await startCluster({ isDurable: true })
  return {
    async fill(count, seed) {
      const database = await cluster.createDatabase()
      const scene = await seed({ directory: join(root, 'seed'), database })
      const copies: Home[] = []
      while (copies.length < count) {
        const directory = join(root, `copy-${copies.length}`)
        copies.push({ directory, database: await cluster.createDatabase(database) })
      }
      return { scene, copies }
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  }
}

async function benchCall(call: Call, sides: readonly Side[], options: Options & { engine: EngineName }): Promise<Row[]> {
  const measured = new Map<string, Measured[]>(sides.map(({ subject }) => [subject.name, []]))
  for (let repeat = 0; repeat <= options.repeats; repeat++) {
    for (const side of sides) {
      const sample = await measure(call, side, options)
      if (repeat > 0) measured.get(side.subject.name)?.push(sample)
    }
  }
  const base = median((measured.get(BASE) ?? []).map(({ perSecond }) => perSecond))
  return [...measured].map(([server, samples]) => {
    const value = median(samples.map(({ perSecond }) => perSecond))
    const cpuMicros = samples.flatMap((each) => each.cpuMicros ?? [])
    return {
      group: 'control',
      what: call.name,
      on: `${ENGINE_TITLES[options.engine]}, ${server}`,
      value,
      unit: '/s',
      p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
      cpuMicros: cpuMicros.length > 0 ? median(cpuMicros) : undefined,
      ratio: { value: value / base, of: 'bare' },
      ...(server === 'ours' && options.engine === 'sqlite' && { target: call.target }),
    }
  })
}

async function measure(call: Call, { subject, next }: Side, { seconds, connections }: Options): Promise<Measured> {
  const make = next.get(call.name)
  if (!make) throw new Error(`${call.name} is not prepared`)
  const before = subject.cpuSeconds()
  const sample = await load(call.name, make, { origin: subject.origin, seconds, connections, calls: call.calls })
  const after = subject.cpuSeconds()
  const cpu = before === undefined || after === undefined ? undefined : after - before
  return { ...sample, cpuMicros: cpu && (cpu / sample.calls) * 1e6 }
}

function mutation(procedure: string, token: string, input: object): Request {
  return { method: 'POST', path: `/trpc/${procedure}`, headers: callHeaders(token, true), body: JSON.stringify(input) }
}
