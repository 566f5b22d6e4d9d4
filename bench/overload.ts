import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { writeInstanceFile } from '../packages/platform-server/src/storage/instance-file.ts'
import { registerMany } from './overload/agents.ts'
import type { Beaten, Beaters } from './overload/beaters.ts'
import { moveMoney } from './overload/money.ts'
import type { Options, Row } from './row.ts'
import { type Scene, seedScene } from './scene.ts'
import { openDeps } from './seed.ts'
import { median, percentile99 } from './statistics.ts'
import { startSubject } from './subject.ts'

const BEATERS = join(import.meta.dirname, 'overload', 'beaters.ts')
const SERVER = 'packages/platform-server/src/main.ts'
const FLAGS = ['--listen', '127.0.0.1:0', '--plane', 'control', '--rate-limits', 'off', '--log-level', 'error']
const MONEY_PER_SECOND = 200
const CONNECTIONS = 1_000
/** All of them beat as they are told; some beat at will. */
const AGENTS = 100_000
const TIMES = 10
/** A thousand connections at once, and code that runs for the first time, are over by then. */
const SETTLE_SECONDS = 3
/** Beats a second that no server takes: whoever sends them has always one that is due. */
const AT_ONCE = 200_000
/** What it can take is counted this long. */
const COUNT_SECONDS = 5

const MANNERS = ['as told', 'at will'] as const

/** What became of money and of beats beside each other. */
interface Beside {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly beats?: Beaten
}

/** One repeat: each in a server of its own that was started for it. */
export interface OverloadRun {
  readonly idle: Beside
  readonly loaded: Readonly<Record<(typeof MANNERS)[number], Beside>>
}

type Given = Omit<Beaters, 'origin' | 'perSecond'>

/**
 * Move money on a server that does nothing else, and beside ten times the beats that it takes.
 *
 * @returns how many beats a second it takes, and each repeat.
 */
export async function measureOverload({
  isPinned,
  repeats,
  seconds,
}: {
  isPinned: boolean
  repeats: number
  seconds: number
}): Promise<{ taken: number; runs: OverloadRun[] }> {
  await using home = await openHome(isPinned)
  const taken = await countTaken(home)
  const runs: OverloadRun[] = []
  while (runs.length < repeats) {
    const beside = (given?: Given) => measureBeside(home, { seconds, beaters: given && { ...given, perSecond: TIMES * taken } })
    const idle = await beside()
    runs.push({
      idle,
      loaded: { 'as told': await beside(home.manners['as told']), 'at will': await beside(home.manners['at will']) },
    })
  }
  return { taken, runs }
}

interface Home extends AsyncDisposable {
  readonly scene: Scene
  readonly manners: Readonly<Record<(typeof MANNERS)[number], Given>>
  /** A server over a fresh copy of the data. */
  start(): ReturnType<typeof startSubject>
}

async function openHome(isPinned: boolean): Promise<Home> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  const seed = join(root, 'seed')
  const scene = await seedScene({ directory: seed }, 0)
  const deps = await openDeps({ directory: seed })
  const tokens = await registerMany(deps, AGENTS)
  writeInstanceFile(seed, deps.instanceId)
  await deps.db.close()
  const writeTokens = (name: string, count: number) => {
    const tokensFile = join(root, name)
    writeFileSync(tokensFile, tokens.slice(0, count).join('\n'))
    return { tokensFile, connections: CONNECTIONS }
  }
  let servers = 0
  return {
    scene,
    manners: {
      'as told': { ...writeTokens('all', AGENTS), manner: 'as told' },
      'at will': { ...writeTokens('some', CONNECTIONS), manner: 'at will' },
    },
    async start() {
      const directory = join(root, `server-${servers++}`)
      cpSync(seed, directory, { recursive: true })
      return startSubject('server', [SERVER, '--data', directory, ...FLAGS], isPinned)
    },
    [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }),
  }
}

/** How many beats a second are let in where every caller asks again at once. */
async function countTaken({ start, manners }: Home): Promise<number> {
  await using server = await start()
  const beats = sendBeats({ origin: server.origin, perSecond: AT_ONCE, ...manners['at will'] })
  await pause(SETTLE_SECONDS * 1_000)
  beats.count()
  await pause(COUNT_SECONDS * 1_000)
  const { letIn, seconds } = await beats.stop()
  if (letIn === 0) throw new Error('no beat was let in while they were counted: this machine does too much besides')
  return Math.round(letIn / seconds)
}

async function measureBeside(
  { start, scene }: Home,
  { seconds, beaters }: { seconds: number; beaters: Omit<Beaters, 'origin'> | undefined },
): Promise<Beside> {
  await using server = await start()
  const { origin } = server
  const move = (forSeconds: number) => moveMoney(scene, { origin, perSecond: MONEY_PER_SECOND, seconds: forSeconds })
  await move(SETTLE_SECONDS)
  const beats = beaters && sendBeats({ origin, ...beaters })
  if (beats) await move(SETTLE_SECONDS)
  beats?.count()
  const tookMs = await move(seconds)
  const beaten = await beats?.stop()
  return { p50Ms: median(tookMs), p99Ms: percentile99(tookMs), ...(beaten && { beats: beaten }) }
}

/** Start who beats. `count` forgets what was counted so far, `stop` tells what was counted since. */
function sendBeats(beaters: Beaters): { count(): void; stop(): Promise<Beaten> } {
  const args = ['--conditions=source', BEATERS, JSON.stringify(beaters)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const told = text(child.stdout)
  return {
    count: () => void child.stdin.write('count\n'),
    async stop() {
      child.stdin.end()
      return JSON.parse(await told) as Beaten
    },
  }
}

/** What ten times the beats do to money, and what becomes of them. */
export async function benchOverload({ isPinned, repeats, seconds }: Options): Promise<Row[]> {
  const { taken, runs } = await measureOverload({ isPinned, repeats, seconds: 5 * seconds })
  const group = 'overload'
  const row = (what: string, on: string, value: number, unit: string): Row => ({ group, what, on, value, unit })
  const idle = runs.map((run) => run.idle)
  return [
    row('beats taken', `${CONNECTIONS} connections`, taken, '/s'),
    {
      ...row('money and tasks, median', 'nothing else', median(idle.map(({ p50Ms }) => p50Ms)), 'ms'),
      p99Ms: median(idle.map(({ p99Ms }) => p99Ms)),
    },
    ...MANNERS.flatMap((manner) => {
      const loaded = runs.map((run) => run.loaded[manner])
      const on = `${TIMES} × the beats, ${manner}`
      const beatsPerSecond = (what: 'due' | 'letIn' | 'turnedAway') =>
        median(loaded.flatMap(({ beats }) => (beats ? [beats[what] / beats.seconds] : [])))
      const p99Ms = median(loaded.map((each) => each.p99Ms))
      const ratio = { value: median(runs.map((run) => run.loaded[manner].p99Ms / run.idle.p99Ms)), of: 'idle' }
      return [
        { ...row('money and tasks, median', on, median(loaded.map(({ p50Ms }) => p50Ms)), 'ms'), p99Ms },
        { ...row('money and tasks, p99', on, p99Ms, 'ms'), ratio, target: { of: 'ratio', atMost: 2 } as const },
        row('beats due', on, beatsPerSecond('due'), '/s'),
        row('beats let in', on, beatsPerSecond('letIn'), '/s'),
        row('beats turned away', on, beatsPerSecond('turnedAway'), '/s'),
      ]
    }),
  ]
}
