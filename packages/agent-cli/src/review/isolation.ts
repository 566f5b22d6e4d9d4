import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What this system lets an unprivileged user take away from a test: `full` the network and the sight of chosen directories, `network` the network only,
 * `none` nothing. Never: processor time beyond the time limit, signals to other processes of this user, other readable files.
 */
export type Isolation = 'full' | 'network' | 'none'

/** Cover each of the first `$1` directories with an empty file system, then go on in a user namespace that may not uncover them. */
const COVER = `n=$1; shift; while [ "$n" -gt 0 ]; do mount -t tmpfs -o size=4k,mode=700 none "$1" || exit 126; shift; n=$((n-1)); done; exec unshare -rm -- "$@"`

/** Wrap an argv so that it runs isolated. Failures of the wrapper itself exit before the argv is run. */
export function isolate(argv: readonly string[], isolation: Isolation, hide: readonly string[]): string[] {
  if (isolation === 'none') return [...argv]
  if (isolation === 'network') return ['unshare', '-rn', '--', ...argv]
  return ['unshare', '-rnm', '--', '/bin/sh', '-c', COVER, 'sh', String(hide.length), ...hide, ...argv]
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
    for (const isolation of ['full', 'network'] as const)
      if (await succeeds(isolate(['true'], isolation, [probe]))) return isolation
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
