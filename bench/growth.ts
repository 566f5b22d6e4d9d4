import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { discover } from '../packages/platform-server/src/discovery/operations.ts'
import { listAssignments } from '../packages/platform-server/src/tasks/assignment-operations.ts'
import { type Cluster, startCluster } from '../packages/platform-server/test/postgres-cluster.ts'
import { cursorAt, growTo, OFTEN, openCrowd } from './crowd.ts'
import { onSubjectCore } from './machine.ts'
import type { EngineName, Options, Row } from './row.ts'
import { type Home, openDeps } from './seed.ts'
import { median, percentile99 } from './statistics.ts'

const SIZES = [1_000, 10_000, 100_000, 1_000_000]
/** Sizes are compared with this one. */
const BASE = 10_000
/** A reading that takes long anyway is not repeated for longer than this. */
const READINGS = 300
const READ_MAX_MS = 2_000
const WARM_UP = 30
const TITLES: Record<EngineName, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }

type Deps = Awaited<ReturnType<typeof openDeps>>
type Reading = readonly [name: string, read: (deps: Deps, size: number) => Promise<unknown>]

const page = { role: 'buyer', limit: 20 } as const

/** What is read, all of it of the agents and assignments that are as many as the table is long. */
const READINGS_OF: readonly Reading[] = [
  [
    'discover, first page of all who offer it',
    (deps) => discover(deps, 'buyer', { capability: OFTEN, limit: 20, includeBusy: false }),
  ],
  [
    'discover, under a price that one in 400 offers',
    (deps) => discover(deps, 'buyer', { capability: OFTEN, limit: 20, includeBusy: false, maxPrice: '1' }),
  ],
  [
    'discover, under a price that nobody offers',
    (deps) => discover(deps, 'buyer', { capability: OFTEN, limit: 20, includeBusy: false, maxPrice: '0.5' }),
  ],
  ['assignments of one buyer, newest', (deps) => listAssignments(deps, 'buyer', page)],
  ['assignments of one buyer, one in 400', (deps) => listAssignments(deps, 'buyer', { ...page, state: 'failed' })],
  ['assignments of one buyer, those still open', (deps) => listAssignments(deps, 'buyer', { ...page, state: 'submitted' })],
  [
    'assignments of one buyer, from the middle',
    (deps, size) => listAssignments(deps, 'buyer', { ...page, cursor: cursorAt(size / 2) }),
  ],
]

/** How long a page takes as the tables grow, and how much memory an agent takes that does nothing but beat. */
export async function benchGrowth(options: Options): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const sizes = SIZES.filter((size) => size <= options.rowsMax)
  const rows: Row[] = []
  for (const engine of options.engines) {
    const home: Home = { directory: join(root, engine) }
    if (engine === 'sqlite') rows.push(...(await benchEngine(engine, home, sizes)))
    else {
      const cluster: Cluster = await startCluster()
      stack.defer(() => cluster.stop())
      rows.push(...(await benchEngine(engine, { ...home, database: await cluster.createDatabase() }, sizes)))
    }
  }
  if (options.engines.includes('sqlite')) rows.push(measureMemory(join(root, 'sqlite'), options.isPinned))
  return rows
}

async function benchEngine(engine: EngineName, home: Home, sizes: readonly number[]): Promise<Row[]> {
  const deps = await openDeps(home)
  await openCrowd(deps)
  const rows: Row[] = []
  let grown = 0
  for (const size of sizes) {
    await growTo(deps, grown, size)
    grown = size
    for (const [name, read] of READINGS_OF) {
      const times = await timeMany(() => read(deps, size))
      const value = median(times)
      const base = size === BASE ? value : rows.find(({ what, on }) => what === name && on === labelOf(engine, BASE))?.value
      rows.push({
        group: 'growth',
        what: name,
        on: labelOf(engine, size),
        value,
        unit: 'ms',
        p99Ms: percentile99(times),
        ...(base !== undefined && size >= BASE && { ratio: { value: value / base, of: 'that at 10,000' } }),
        ...(size > BASE && { target: { of: 'ratio' as const, atMost: 2 } }),
      })
    }
  }
  await deps.db.close()
  return rows
}

function labelOf(engine: EngineName, size: number): string {
  return `${TITLES[engine]}, ${size.toLocaleString('en')}`
}

async function timeMany(work: () => Promise<unknown>): Promise<number[]> {
  const until = performance.now() + READ_MAX_MS
  const times: number[] = []
  for (let count = -WARM_UP; count < READINGS && (performance.now() < until || times.length < 3); count++) {
    const startedAt = performance.now()
    await work()
    if (count >= 0 || performance.now() > until) times.push(performance.now() - startedAt)
  }
  return times
}

/** In a process of its own, so that nothing else is counted. */
function measureMemory(directory: string, isPinned: boolean): Row {
  const [file, ...args] = onSubjectCore(
    [process.execPath, '--conditions=source', '--expose-gc', 'bench/servers/idle-agents.ts', directory],
    isPinned,
  )
  const { agents, bytes } = JSON.parse(execFileSync(file, args, { encoding: 'utf8' }))
  return {
    group: 'growth',
    what: 'memory per idle agent',
    on: `${agents.toLocaleString('en')} agents that have beaten`,
    value: bytes / agents,
    unit: 'B',
    target: { of: 'value', atMost: 1024 },
  }
}
