import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cpuSeconds, onSubjectCore, peakMiB } from './machine.ts'

/** A server that is measured, in a process of its own on the core of the subjects. */
export interface Subject extends AsyncDisposable {
  readonly name: string
  readonly origin: string
  readonly pid: number
  /** The ready line of the server, whatever else is in it. */
  readonly ready: Readonly<Record<string, unknown>>
  /** CPU seconds used so far. */
  cpuSeconds(): number | undefined
  /** The most memory it ever had in use. */
  peakMiB(): number | undefined
}

/** What runs of ours is not to outlive us, however we end. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A process that is measured, or helps to. @returns how it is ended: by SIGTERM, waiting until it is gone. That throws where it has ended by itself: what was measured of it is worth nothing. */
export function guard(name: string, child: ChildProcess): () => Promise<void> {
  running.add(child)
  let isStopping = false
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    if (!isStopping) throw new Error(`${name} ended while it was measured (${signal ?? `exit ${code}`})`)
  })
  // It is said when it is stopped.
  ended.catch(() => {})
  return async () => {
    isStopping = true
    child.kill('SIGTERM')
    await ended
  }
}

/** Start `node FILE ARGS…` and wait for the line in which it says where it listens. */
export async function startSubject(
  name: string,
  [file, ...args]: readonly [string, ...string[]],
  isPinned: boolean,
): Promise<Subject> {
  const [command, ...rest] = onSubjectCore([process.execPath, '--conditions=source', file, ...args], isPinned)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = guard(name, child)
  const ready = JSON.parse(await firstLine(name, child)) as Record<string, unknown>
  return {
    name,
    origin: String(ready.origin),
    ready,
    pid: child.pid ?? 0,
    cpuSeconds: () => cpuSeconds(child.pid ?? 0),
    peakMiB: () => peakMiB(child.pid ?? 0),
    [Symbol.asyncDispose]: stop,
  }
}

/** The first line that a process prints. @throws Error when it ends before. */
export async function firstLine(name: string, { stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error(`${name} has no output`)
  const lines = createInterface(stdout)
  const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')])
  if (line === undefined) throw new Error(`${name} ended before it said anything`)
  return String(line)
}
