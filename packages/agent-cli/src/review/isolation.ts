import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What this system lets an unprivileged user take away from a test: the network (`network`), also the sight of chosen directories (`files`), also the
 * sight and the signals of other processes (`full`: what it leaves running anywhere ends with it), or nothing (`none`). Never: other readable files.
 */
export type Isolation = 'full' | 'files' | 'network' | 'none'

/** Of one user inside; a fork bomb stops here. Not for root, whom Linux does not count: whoever judges the work of strangers is not root. */
const PROCESSES_MAX = 512

/**
 * Cover each of the first `$1` directories with an empty file system, then go on in a user namespace that may not uncover them. Not by `exec`: the first
 * process of a process namespace is deaf to signals, and must not be the test.
 */
const COVER = `n=$1; shift; while [ "$n" -gt 0 ]; do mount -t tmpfs -o size=4k,mode=700 none "$1" || exit 126; shift; n=$((n-1)); done; unshare -rm -- "$@"; exit $?`

/**
 * Wrap an argv so that it runs isolated, with a limited number of processes and limited processor time each. Failures of the wrapper itself exit before
 * the argv is run.
 *
 * @param limits.hide - Directories not to be seen; needs `files`.
 * @param limits.cpuS - Processor time of one process, s.
 */
export function isolate(
  argv: readonly string[],
  isolation: Isolation,
  limits: { hide: readonly string[]; cpuS: number },
): string[] {
  const { hide, cpuS } = limits
  if (isolation === 'none') return [...argv]
  const capped = ['prlimit', `--nproc=${PROCESSES_MAX}`, `--cpu=${cpuS}`, '--', ...argv]
  if (isolation === 'network') return ['unshare', '-rn', '--', ...capped]
  const apart = isolation === 'full' ? ['-rnmpf', '--kill-child', '--mount-proc'] : ['-rnm']
  return ['unshare', ...apart, '--', '/bin/sh', '-c', COVER, 'sh', String(hide.length), ...hide, ...capped]
}

let detected: Promise<Isolation> | undefined

/** Find out what works here, by doing it; once for the life of this process. */
export function detectIsolation(): Promise<Isolation> {
  detected ??= detect()
  return detected
}

async function detect(): Promise<Isolation> {
  const probe = await mkdtemp(join(tmpdir(), 'isolation-'))
  try {
    for (const isolation of ['full', 'files', 'network'] as const)
      if (await succeeds(isolate(['true'], isolation, { hide: [probe], cpuS: 1 }))) return isolation
    return 'none'
  } finally {
    await rmdir(probe)
  }
}

async function succeeds([command = '', ...rest]: string[]): Promise<boolean> {
  try {
    const [exit] = await once(spawn(command, rest, { stdio: 'ignore' }), 'exit')
    return exit === 0
  } catch {
    return false
  }
}
