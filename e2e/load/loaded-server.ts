import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import { TARGET_BEATS_PER_SECOND } from '../../packages/platform-server/src/heartbeat/rules.ts'
import { writeInstanceFile } from '../../packages/platform-server/src/storage/instance-file.ts'
import { sqlite } from '../../packages/platform-server/test/place.ts'
import { openTestPlatform, type TestAgent } from '../../packages/platform-server/test/platform.ts'
import { Running } from '../stage/process.ts'
import { HttpCaller } from './http-caller.ts'
import { type Market, runJob } from './market-job.ts'

const MAIN = join(import.meta.dirname, '../../packages/platform-server/src/main.ts')
const FLOOD_PER_SECOND = 10 * TARGET_BEATS_PER_SECOND
const FLOOD_CONNECTIONS = 64
const LOOK_EVERY_MS = 1_000

/** How a market fared for a while. */
export interface Worked {
  /** Of every call of every job. */
  readonly tookMs: readonly number[]
  /** The fewest agents that were seen alive at any time. */
  readonly leastAlive: number
}

/** A process of the server by the real clock, agents that beat as they are told, and a market that can be set to work. */
export interface LoadedServer extends AsyncDisposable {
  /** Do jobs, one after the other, for some time. @throws Error when any call of any job is refused. */
  work(ms: number): Promise<Worked>
  /** Send beats as fast as ten times the target. @returns how many were answered a second, and how many of them let in. */
  flood(ms: number): Promise<{ perSecond: number; letInPerSecond: number }>
  /** The states that the work of all jobs is in. */
  states(): Promise<string[]>
}

export async function openLoadedServer(agentCount: number): Promise<LoadedServer> {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await sqlite.open())
  const { market, agents } = await seed(place.directory, agentCount)
  const flags = ['--data', place.directory, '--listen', '127.0.0.1:0', '--plane', 'control', '--rate-limits', 'off']
  const server = new Running(process.execPath, ['--conditions=source', MAIN, ...flags])
  stack.defer(async () => void (await server.stop()))
  const origin = String((await server.line((line) => line.event === 'listening')).origin)
  const ended = new AbortController()
  const beaters = stack.use(new HttpCaller(origin, agentCount))
  const beating = Promise.all(agents.map(({ token }) => beatAsTold(beaters, token, ended.signal)))
  stack.defer(async () => {
    ended.abort()
    await beating
  })
  const countAlive = async (caller: HttpCaller): Promise<number> =>
    (await caller.get('discovery.listAgents', { aliveOnly: true, limit: 100 }, market.buyer.token)).agents.length
  while ((await countAlive(beaters)) < agentCount) await pause(LOOK_EVERY_MS)
  const kept = stack.move()

  return {
    async work(ms) {
      using caller = new HttpCaller(origin, 1)
      using watcher = new HttpCaller(origin, 1)
      const until = performance.now() + ms
      let leastAlive = Number.POSITIVE_INFINITY
      let lookedAt = 0
      while (performance.now() < until) {
        await runJob(caller, market)
        if (performance.now() - lookedAt < LOOK_EVERY_MS) continue
        lookedAt = performance.now()
        leastAlive = Math.min(leastAlive, await countAlive(watcher))
      }
      return { tookMs: caller.tookMs, leastAlive }
    },
    async flood(ms) {
      const result = await autocannon({
        url: `${origin}/trpc/heartbeat.beat`,
        method: 'POST',
        headers: { authorization: `Bearer ${agents[0]?.token}`, 'content-type': 'application/json' },
        body: '{}',
        connections: FLOOD_CONNECTIONS,
        overallRate: FLOOD_PER_SECOND,
        duration: ms / 1_000,
        // A thread of its own: what is measured here must not wait for what floods.
        workers: 1,
      })
      const letIn = result['2xx']
      return { perSecond: (letIn + result.non2xx) / result.duration, letInPerSecond: letIn / result.duration }
    },
    async states() {
      using caller = new HttpCaller(origin, 1)
      const { assignments } = await caller.get('tasks.listAssignments', { role: 'buyer', limit: 100 }, market.buyer.token)
      return [...new Set<string>(assignments.map(({ state }: { state: string }) => state))]
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** What the server starts with: a market, and agents that are registered and have a session. Only those who beat count as alive. */
async function seed(directory: string, agentCount: number): Promise<{ market: Market; agents: TestAgent[] }> {
  const stays = { directory, database: undefined, [Symbol.asyncDispose]: async () => {} }
  await using platform = await openTestPlatform([], {}, { engine: { name: 'SQLite', open: async () => stays } })
  platform.pass(Date.now() - platform.deps.now())
  const names = Array.from({ length: agentCount }, (_, index) => `agent-${index}`)
  const [buyer, executor, reviewer, ...agents] = await Promise.all(
    ['buyer', 'executor', 'reviewer', ...names].map((name) => platform.agent(name)),
  )
  if (!buyer || !executor || !reviewer) throw new Error('somebody is missing')
  await buyer.api.settlement.deposit({ amount: '10000000' })
  await platform.deps.db.write((tx) => tx.run('DELETE FROM presence'))
  writeInstanceFile(directory, platform.deps.instanceId)
  return { market: { buyer, executor, reviewer }, agents }
}

/** Beat when the server says so, as the daemon does. */
async function beatAsTold(caller: HttpCaller, token: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { status, data, retryAfterMs } = await caller.call('heartbeat.beat', {}, token)
    const waitMs = status === 200 ? data.nextBeatMs : retryAfterMs
    await pause(waitMs, undefined, { signal }).catch(() => {})
  }
}
