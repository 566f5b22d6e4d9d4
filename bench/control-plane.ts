import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Call, load, type Sample } from './load.ts'
import { seedAgent } from './seed.ts'
import { median } from './statistics.ts'
import { type Subject, startSubject } from './subject.ts'

const CALLS: readonly Call[] = [
  { name: 'query (server.info)', method: 'GET', path: '/trpc/server.info?input=%7B%7D' },
  { name: 'heartbeat', method: 'POST', path: '/trpc/heartbeat.beat', body: '{"busy":false}' },
  {
    name: 'createTask, durable',
    method: 'POST',
    path: '/trpc/tasks.createTask',
    body: '{"reviewRule":"majority","buyerMayReview":false}',
    isKeyed: true,
  },
]

const SERVERS = {
  ours: 'bench/servers/ours.ts',
  'tRPC standalone adapter': 'bench/servers/stock.ts',
  'bare node:http': 'bench/servers/bare.ts',
} as const
/** The one that the others are compared with. */
const BASE = 'bare node:http' satisfies keyof typeof SERVERS

export interface Load {
  readonly isPinned: boolean
  readonly repeats: number
  /** Length of one run; as long a run again comes first, unmeasured. */
  readonly seconds: number
  readonly connections: number
}

/** One call on one server: medians over the repeats. */
export interface ControlRow {
  readonly call: string
  readonly server: string
  readonly perSecond: number
  readonly p99Ms: number
  /** CPU time of the server for one call. It does not depend on how fast the load can be made. */
  readonly cpuMicros: number | undefined
  /** `perSecond` of this server as a share of that of the bare one. */
  readonly ofBare: number
  /** `cpuMicros` of this server as a multiple of that of the bare one. */
  readonly cpuOfBare: number | undefined
}

interface Measured extends Sample {
  readonly cpuMicros: number | undefined
}

/** Measure every call on every server; repeats take turns, so that what changes on the machine changes for all. */
export async function benchControlPlane(options: Load): Promise<ControlRow[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const subjects: { subject: Subject; token: string }[] = []
  for (const [name, file] of Object.entries(SERVERS)) {
    const directory = join(root, name.replaceAll(/\W/g, '-'))
    const token = await seedAgent(directory)
    const subject = stack.use(await startSubject(name, [file, directory], options.isPinned))
    subjects.push({ subject, token })
  }

  const rows: ControlRow[] = []
  for (const call of CALLS) rows.push(...(await benchCall(call, subjects, options)))
  return rows
}

async function benchCall(
  call: Call,
  subjects: readonly { subject: Subject; token: string }[],
  options: Load,
): Promise<ControlRow[]> {
  const measured = new Map<string, Measured[]>(subjects.map(({ subject }) => [subject.name, []]))
  for (let repeat = 0; repeat <= options.repeats; repeat++) {
    for (const { subject, token } of subjects) {
      const sample = await measure(call, subject, { ...options, token })
      if (repeat > 0) measured.get(subject.name)?.push(sample)
    }
  }
  const rows = [...measured].map(([server, samples]) => summarize(call, server, samples))
  const base = rows.find(({ server }) => server === BASE)
  if (!base) throw new Error(`${BASE} was not measured`)
  return rows.map((row) => ({
    ...row,
    ofBare: row.perSecond / base.perSecond,
    cpuOfBare: row.cpuMicros && base.cpuMicros && row.cpuMicros / base.cpuMicros,
  }))
}

function summarize(call: Call, server: string, samples: readonly Measured[]) {
  const cpuMicros = samples.map((each) => each.cpuMicros).filter((value) => value !== undefined)
  return {
    call: call.name,
    server,
    perSecond: median(samples.map((each) => each.perSecond)),
    p99Ms: median(samples.map((each) => each.p99Ms)),
    cpuMicros: cpuMicros.length > 0 ? median(cpuMicros) : undefined,
  }
}

async function measure(
  call: Call,
  subject: Subject,
  { token, seconds, connections }: Load & { token: string },
): Promise<Measured> {
  const before = subject.cpuSeconds()
  const sample = await load(call, { origin: subject.origin, token, seconds, connections })
  const after = subject.cpuSeconds()
  const cpu = before === undefined || after === undefined ? undefined : after - before
  return { ...sample, cpuMicros: cpu && (cpu / (sample.perSecond * seconds)) * 1e6 }
}
