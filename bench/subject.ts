import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cpuSeconds, onSubjectCore, peakMiB } from './machine.ts'

/** A server that is measured, in a process of its own on the core of the subjects. */
export interface Subject extends AsyncDisposable {
  readonly name: string
  readonly origin: string
  /** The ready line of the server, whatever else is in it. */
  readonly ready: Readonly<Record<string, unknown>>
  /** CPU seconds used so far. */
  cpuSeconds(): number | undefined
  /** The most memory it ever had in use. */
  peakMiB(): number | undefined
}

/** Start `node FILE ARGS…` and wait for the line in which it says where it listens. */
export async function startSubject(
  name: string,
  [file, ...args]: readonly [string, ...string[]],
  isPinned: boolean,
): Promise<Subject> {
  const [command, ...rest] = onSubjectCore([process.execPath, '--conditions=source', file, ...args], isPinned)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ready = await readyLine(name, child)
  return {
    name,
    origin: String(ready.origin),
    ready,
    cpuSeconds: () => cpuSeconds(child.pid ?? 0),
    peakMiB: () => peakMiB(child.pid ?? 0),
    [Symbol.asyncDispose]: async () => {
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
    },
  }
}

async function readyLine(name: string, child: ChildProcess): Promise<Record<string, unknown>> {
  if (!child.stdout) throw new Error(`${name} has no output`)
  for await (const line of createInterface(child.stdout)) return JSON.parse(line) as Record<string, unknown>
  throw new Error(`${name} ended before it listened`)
}
