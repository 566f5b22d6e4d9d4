import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../../platform-server/test/free-port.ts'
import { type Agent, type AgentOptions, openAgent } from './agent/agent.ts'
import { mutate } from './agent/call.ts'
import { registerAgent } from './agent/register-agent.ts'
import { type DaemonRun, runDaemon } from './daemon/daemon.ts'
import { makeTestHome } from './test-home.ts'

const SERVER = join(import.meta.dirname, '../../platform-server/src/main.ts')
const DAEMON = fileURLToPath(import.meta.resolve('./test-daemon.ts'))

/** A real platform with its relay, in a process of its own, and agents registered with it. */
export interface TestMarket extends AsyncDisposable {
  readonly origin: string
  /** What the platform and its relay store. */
  readonly dataDirectory: string
  /** Register an agent; `credits` are deposited. */
  join(agentId: string, options?: { capabilities?: string[]; credits?: string }): Promise<TestAgent>
  /** Kill the platform and its relay; `start` brings them back at the same addresses, over the same data. */
  crash(): Promise<void>
  start(): Promise<void>
  /** Stop every daemon that runs. */
  stopDaemons(): Promise<void>
}

export interface TestAgent extends Agent {
  /** The same agent as another process would open it. */
  reopen(signal?: AbortSignal): Agent
  /** Run a daemon in this process until it is stopped. */
  daemon(options?: Partial<DaemonRun>): TestDaemon
  /** Run a daemon in a process of its own, which can be killed. */
  spawnDaemon(exec?: string): TestDaemon & { kill(): Promise<void> }
}

/** Longer than anything takes on a slow machine, and shorter than the tests that wait for it. */
const SEEN_MAX_MS = 110_000

interface TestDaemon {
  readonly events: TestEvent[]
  /** Wait for an event that has these details. */
  seen(event: string, details?: Record<string, unknown>): Promise<TestEvent>
  stop(): Promise<void>
}

type TestEvent = { readonly event: string; readonly [detail: string]: unknown }

export async function startMarket(flags: readonly string[] = []): Promise<TestMarket> {
  const home = makeTestHome('am-market-')
  const daemons: TestDaemon[] = []
  const addresses = [`127.0.0.1:${await findFreePort()}`, `127.0.0.1:${await findFreePort()}`]
  let server: ChildProcess

  async function start(): Promise<string> {
    const [listen = '', relayListen = ''] = addresses
    const args = [
      '--data',
      join(home.path, 'server'),
      '--listen',
      listen,
      '--relay-listen',
      relayListen,
      '--log-level',
      'error',
      ...flags,
    ]
    server = spawn(process.execPath, ['--conditions=source', SERVER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    return (await readyLine(server)).origin
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }

  /** A test may have stopped one itself, or seen it refuse to start. */
  async function stopDaemons(): Promise<void> {
    await Promise.allSettled(daemons.splice(0).map((daemon) => daemon.stop()))
  }

  const origin = await start()
  return {
    origin,
    dataDirectory: join(home.path, 'server'),
    async join(agentId, { capabilities = [], credits } = {}) {
      const profile = { name: agentId, directory: join(home.path, 'profiles', agentId) }
      const options: AgentOptions = { profile, server: origin, timeoutMs: 20_000 }
      await registerAgent(options, { agentId, capabilities })
      const reopen = (signal?: AbortSignal) => openAgent({ ...options, ...(signal && { signal }) })
      const agent = reopen()
      if (credits !== undefined) await mutate(agent, 'settlement.deposit', { amount: credits })
      // One that never beat is not there for others.
      await agent.platform.mutate('heartbeat.beat', {})
      const keep = <D extends TestDaemon>(daemon: D): D => {
        daemons.push(daemon)
        return daemon
      }
      return Object.assign(agent, {
        reopen,
        daemon: (run: Partial<DaemonRun> = {}) => keep(daemonHere(reopen, run)),
        spawnDaemon: (exec?: string) => keep(daemonElsewhere({ ...options, exec })),
      })
    },
    crash: () => end('SIGKILL'),
    start: async () => void (await start()),
    stopDaemons,
    async [Symbol.asyncDispose]() {
      await stopDaemons()
      await end('SIGTERM')
      home[Symbol.dispose]()
    },
  }
}

function daemonHere(reopen: TestAgent['reopen'], run: Partial<DaemonRun>): TestDaemon {
  const controller = new AbortController()
  const { push, ...watched } = watchEvents()
  const done = runDaemon(reopen(controller.signal), { ...run, signal: controller.signal, onEvent: push })
  done.catch(() => undefined)
  return {
    ...watched,
    async stop() {
      controller.abort()
      await done
    },
  }
}

function daemonElsewhere(options: AgentOptions & { exec: string | undefined }): TestDaemon & { kill(): Promise<void> } {
  const child = spawn(process.execPath, ['--conditions=source', DAEMON, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const { push, ...watched } = watchEvents()
  createInterface({ input: child.stdout }).on('line', (line) => push(JSON.parse(line)))
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    // Also all that it said has been read.
    await closed
  }
  return { ...watched, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

function watchEvents(): Pick<TestDaemon, 'events' | 'seen'> & { push(event: TestEvent): void } {
  const events: TestEvent[] = []
  const listeners = new Set<() => void>()
  return {
    events,
    push(event) {
      events.push(event)
      for (const listener of listeners) listener()
    },
    seen(event, details = {}) {
      const isIt = (each: TestEvent) =>
        each.event === event && Object.entries(details).every(([key, value]) => each[key] === value)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          listeners.delete(look)
          reject(new Error(`no event ${event} came, only ${events.map((each) => each.event).join(', ')}`))
        }, SEEN_MAX_MS)
        const look = () => {
          const found = events.find(isIt)
          if (!found) return
          clearTimeout(timer)
          listeners.delete(look)
          resolve(found)
        }
        listeners.add(look)
        look()
      })
    },
  }
}

async function readyLine(server: ChildProcess): Promise<{ origin: string }> {
  if (!server.stdout) throw new Error('the server has a stdout')
  const failed = once(server, 'exit').then(() => Promise.reject(new Error('the server did not start')))
  const [line] = (await Promise.race([once(createInterface({ input: server.stdout }), 'line'), failed])) as [string]
  return JSON.parse(line) as { origin: string }
}
