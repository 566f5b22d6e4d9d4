import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Tests of other processes may be installing too: seconds to wait for them. */
const WAIT = ['-o', 'DPkg::Lock::Timeout=120']

/** Ask for packages, one test after the other; where the lists of them are missing or old, fetch those first. */
function askDebian(args: readonly string[], cwd?: string): void {
  const options = { cwd, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore' } as const
  const ask = (...words: string[]) =>
    execFileSync('flock', [join(tmpdir(), 'agent-marketplace-debian.lock'), 'apt-get', ...words], options)
  try {
    ask(...args)
  } catch {
    ask('update')
    ask(...args)
  }
}

/**
 * Find what a test needs of the operating system; on a Debian machine without it, install it.
 *
 * @param find - Looks for it.
 * @throws Error with one line that says what to install: a test without its tool fails, it is never skipped.
 */
export function needDebian<T>(name: string, find: () => T | undefined): T {
  const found = find()
  if (found !== undefined) return found
  try {
    askDebian([...WAIT, 'install', '--yes', '--no-install-recommends', name])
  } catch {
    // Said below, in words.
  }
  const installed = find()
  if (installed === undefined) throw new Error(`this test needs Debian's ${name}: apt-get install ${name}`)
  return installed
}

/**
 * Unpack Debian packages into a directory, without installing them: nothing is started, nothing of the machine is changed, and they are gone with the directory.
 *
 * @throws Error with one line when they cannot be fetched.
 */
export function unpackDebian(names: readonly string[], directory: string): void {
  try {
    askDebian(['download', ...names], directory)
    for (const file of readdirSync(directory).filter((each) => each.endsWith('.deb')))
      execFileSync('dpkg-deb', ['--extract', file, '.'], { cwd: directory, stdio: 'ignore' })
  } catch {
    throw new Error(
      `this test needs Debian's ${names.join(', ')}, which could not be fetched: apt-get install ${names.join(' ')}`,
    )
  }
}
