import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makePrivateDirectory, measureDirectory } from './job-directory.ts'
import { createTail } from './tail.ts'

/** Between the polite SIGTERM and SIGKILL. Short: the daemon itself has 5 s to end. */
export const KILL_GRACE_MS = 2_000
const WATCH_EVERY_MS = 200
/** How long to wait for the last bytes of pipes that a process which left the group may hold open. */
const DRAIN_MS = 500
/** Longer timers fire at once in Node. */
const TIMER_MS_MAX = 2 ** 31 - 1

export interface JobOptions {
  /** A line for `/bin/sh -c`, or an argv run as it is. */
  command: string | readonly string[]
  /** Working directory and HOME; must exist. Gets `tmp/`; `output/` in it is watched. */
  directory: string
  /** Added to the clean environment (PATH, HOME, LANG, TZ, TMPDIR); wins over it. */
  env?: Readonly<Record<string, string>>
  timeoutMs: number
  /** Limit for everything under `output/`. Looked at five times a second, so a fast writer passes it by a little before it dies. */
  outputBytesMax: number
  /** Limit of private writable memory for each process (not for all of them together). Node alone takes about 600 MB of it, most never touched. */
  memoryBytesMax?: number
  /** Told of everything the command prints, at once: the pipes are read as fast as it takes that. */
  log?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void
  signal?: AbortSignal
}

export interface JobResult {
  /** Exit code; `null` when a signal ended the command or it never ran because `signal` was aborted before. */
  exit: number | null
  signal: NodeJS.Signals | null
  timedOut: boolean
  outputTooLarge: boolean
  /** The last 4 KiB. */
  stdoutTail: string
  stderrTail: string
  durationMs: number
}

/**
 * Run a command as a job of its own: its own process group, a clean environment, limits. When the command ends, however it ends,
 * everything left in its group is killed. A process that starts its own session (`setsid`) leaves the group; that takes a container to prevent.
 *
 * @returns How it ended. A failing, missing, hanging or greedy command is a result, not an error; look at `timedOut` and `outputTooLarge`
 *   before `exit`, since a command may answer SIGTERM with exit 0.
 * @throws When the job could not be started at all: no such directory, no shell, no processes left.
 */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { outputBytesMax, signal } = options
  const directory = resolve(options.directory)
  const startedMs = performance.now()
  const result: JobResult = {
    exit: null,
    signal: null,
    timedOut: false,
    outputTooLarge: false,
    stdoutTail: '',
    stderrTail: '',
    durationMs: 0,
  }
  if (signal?.aborted) return result

  await makePrivateDirectory(join(directory, 'tmp')).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  const tails = { stdout: createTail(), stderr: createTail() }
  const child = await start(options, directory)
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.on('data', (chunk: Buffer) => {
      tails[stream].write(chunk)
      options.log?.(stream, chunk)
    })

  const ended = new AbortController()
  let killTimer: NodeJS.Timeout | undefined
  const stop = () => {
    killGroup(child, 'SIGTERM')
    killTimer ??= setTimeout(() => killGroup(child, 'SIGKILL'), KILL_GRACE_MS)
  }
  const isTooLarge = async () => (await measureDirectory(join(directory, 'output'), outputBytesMax)) > outputBytesMax
  const timeout = setTimeout(
    () => {
      result.timedOut = true
      stop()
    },
    Math.min(options.timeoutMs, TIMER_MS_MAX),
  )
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  const watching = watch(isTooLarge, ended.signal).then((found) => {
    if (found) stop()
  })

  const closed = once(child, 'close')
  try {
    const [exit, killedBy] = await once(child, 'exit')
    result.exit = exit
    result.signal = killedBy
  } finally {
    killGroup(child, 'SIGKILL')
    clearTimeout(timeout)
    clearTimeout(killTimer)
    signal?.removeEventListener('abort', stop)
    ended.abort()
  }
  await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })])
  child.stdout?.destroy()
  child.stderr?.destroy()
  await watching
  result.outputTooLarge = await isTooLarge()
  return {
    ...result,
    stdoutTail: tails.stdout.read(),
    stderrTail: tails.stderr.read(),
    durationMs: Math.round(performance.now() - startedMs),
  }
}

async function start({ command, env, memoryBytesMax }: JobOptions, directory: string): Promise<ChildProcess> {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command
  // The data limit and not the address space: V8 and the JVM reserve far more addresses than they use, and die at once under -v.
  const memory = memoryBytesMax === undefined ? '' : `ulimit -d ${Math.ceil(memoryBytesMax / 1024)} || exit 126; `
  const child = spawn('/bin/sh', ['-c', `ulimit -c 0; ${memory}exec "$@"`, 'sh', ...argv], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: directory,
      LANG: process.env.LANG ?? 'C.UTF-8',
      TZ: process.env.TZ ?? 'UTC',
      TMPDIR: join(directory, 'tmp'),
      ...env,
    },
  })
  await once(child, 'spawn')
  return child
}

/** @returns `true` as soon as the output is too large, `false` when the job ended before. */
async function watch(isTooLarge: () => Promise<boolean>, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    if (await isTooLarge()) return !ended.aborted
    await sleep(WATCH_EVERY_MS, undefined, { signal: ended }).catch(() => undefined)
  }
  return false
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Nobody is left in the group. macOS says EPERM for a group of zombies.
  }
}
