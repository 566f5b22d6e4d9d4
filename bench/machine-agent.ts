import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { peakMiB } from './machine.ts'

const CLI = join(dirname(import.meta.dirname), 'packages/agent-cli/bin/run.js')
const LOOK_EVERY_MS = 20

/** How a command went. */
export interface Ran {
  // biome-ignore lint/suspicious/noExplicitAny: what a command prints is checked by whoever reads it
  readonly printed: any
  readonly seconds: number
  /** The most memory it had in use, MiB; missing where the system does not say. */
  readonly peakMiB: number
}

/** Commands of an agent with a home of its own, each a process as a user starts it. */
export function machineAgent(home: string, server: string) {
  const env = {
    ...process.env,
    AGENT_MARKETPLACE_HOME: home,
    AGENT_MARKETPLACE_SERVER: server,
    XDG_CACHE_HOME: join(home, 'cache'),
  }
  const start = (args: readonly string[]) => spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  return {
    /** Start a command that keeps running. */
    start,
    /** @throws Error when the command fails. */
    async run(...args: string[]): Promise<Ran> {
      const startedAt = performance.now()
      const child = start([...args, '--json'])
      const said: string[] = []
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void said.push(chunk.toString()))
      let peak = Number.NaN
      const look = setInterval(() => {
        peak = peakMiB(child.pid ?? 0) ?? peak
      }, LOOK_EVERY_MS)
      const [exit] = await once(child, 'close')
      clearInterval(look)
      if (exit !== 0) throw new Error(`${args.join(' ')} → exit ${exit}\n${said.join('')}`)
      return { printed: JSON.parse(said.join('')), seconds: (performance.now() - startedAt) / 1_000, peakMiB: peak }
    },
  }
}
