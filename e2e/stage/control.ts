import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { type CallServer, callAt } from './call.ts'
import { Running } from './process.ts'
import { needStrace } from './strace.ts'

const MAIN = join(import.meta.dirname, '../../packages/platform-server/src/main.ts')
const CACHE = join(import.meta.dirname, '../../.cache/compiled')
/** What clients call, wherever the process listens: a restart is on another port, several processes are one platform. */
export const ORIGIN = 'http://127.0.0.1:9'

export interface Control {
  readonly server: Running
  readonly port: number
  readonly call: CallServer
  /** End it by SIGTERM, also under a tracer, which passes no signal on. @returns its exit code; `null` when another signal was faster. */
  stop(): Promise<number | null>
}

export interface ControlOptions {
  readonly flags?: readonly string[]
  /** Arguments of strace, to run under it. */
  readonly strace?: readonly string[]
  /** Shell commands that come first, such as limits. */
  readonly shell?: string
  /** What to run instead of the server of these sources. */
  readonly main?: string
}

/** Start a control plane as a process of its own, from the sources, on a free port; it ends with the test. @throws Error when it ends before it listens. */
export async function startControl(
  directory: string,
  { flags = [], strace, shell, main = MAIN }: ControlOptions = {},
): Promise<Control> {
  mkdirSync(directory, { recursive: true })
  const port = await findFreePort()
  const own = ['--data', directory, '--plane', 'control', '--origin', ORIGIN, '--listen', `127.0.0.1:${port}`]
  const node = [process.execPath, '--conditions=source', main, ...own, ...flags]
  const traced = strace ? [needStrace(), ...strace, ...node] : node
  const [command = '', ...args] = shell ? ['/bin/sh', '-c', `${shell}; exec "$@"`, 'sh', ...traced] : traced
  const server = new Running(command, args, { env: { NODE_COMPILE_CACHE: CACHE } })
  // Whatever becomes of the test, nothing of it stays behind; a tracer that is killed leaves alive whom it traced.
  let pid = server.child.pid ?? 0
  onTestFinished(() => {
    if (server.hasEnded) return
    if (strace) killQuietly(pid)
    server.child.kill('SIGKILL')
  })
  pid = Number((await server.line((line) => line.event === 'listening')).pid)
  const stop = async () => {
    if (!server.hasEnded) process.kill(pid, 'SIGTERM')
    return server.ended
  }
  return { server, port, call: callAt(`http://127.0.0.1:${port}`), stop }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
