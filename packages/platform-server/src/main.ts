import { setTimeout as pause } from 'node:timers/promises'
import { type ControlPlane, openControlPlane } from './api/control-plane.ts'
import { backup } from './commands/backup.ts'
import { check } from './commands/check.ts'
import { migrate } from './commands/migrate.ts'
import { verifyLedgerOf } from './commands/verify-ledger.ts'
import { BadConfiguration, type Config, parseConfig } from './config.ts'
import { leaveMemoryOutOfCores } from './cores.ts'
import { Refusal } from './errors.ts'
import { describeFlags } from './flags.ts'
import { createLog, type Log } from './log.ts'
import type { Plane } from './plane.ts'
import { openRelayPlane } from './relay-plane.ts'
import { keepMainThreadFirst } from './single-core.ts'
import { StorageFailed, StorageUnusable } from './storage/open-error.ts'
import { explainFile } from './storage/sqlite-fault.ts'
import { startSweeper } from './sweep.ts'
import { VERSION } from './version.ts'

/** Exit codes; the last two are EX_IOERR and EX_CONFIG of sysexits: after `storage` another start may help, after `configuration` it would not. */
const EXIT = { done: 0, usage: 2, storage: 74, configuration: 78 } as const

/** A database that is not there when the server starts, as after the power was gone, may be there soon: it is asked for this long, in milliseconds. */
const DATABASE_AWAITED_MS = 30_000
const ASK_AGAIN_MS = 1_000
/** A storage that has fallen silent holds a stop up no longer than this, in milliseconds. */
const STOP_MAX_MS = 9_700
/** Where a restart may find room or a disk that works. */
const DISK_TROUBLE: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EIO'])

interface Command {
  /** Its words, and the names of what follows them. */
  readonly usage: string
  readonly run: (config: Config, words: readonly string[]) => Promise<number>
}

/** A command that does one thing and says in a line what it did. */
const telling = (work: (config: Config, words: readonly string[]) => Promise<string>): Command['run'] => {
  return async (config, words) => print(`${await work(config, words)}\n`)
}

const COMMANDS: readonly Command[] = [
  { usage: 'serve', run: serve },
  { usage: 'migrate', run: telling(migrate) },
  { usage: 'check', run: telling(check) },
  { usage: 'backup DIR', run: telling((config, [directory = '']) => backup(config, directory)) },
  { usage: 'ledger verify', run: telling(verifyLedgerOf) },
]

const USAGE = `platform-server [${COMMANDS.map(({ usage }) => usage).join(' | ')}] [flags]

A flag wins over its environment variable.

${describeFlags()}
  --help
  --version
`

/**
 * Serve both planes, or the one that is asked for, until SIGTERM or SIGINT, or until the storage fails.
 *
 * @returns the exit code.
 */
async function serve(config: Config): Promise<number> {
  keepMainThreadFirst()
  const log = createLog(config.logLevel)
  leaveMemoryOutOfCores(log)
  const control = config.plane === 'relay' ? undefined : await openPatiently(config, log)
  const relay = config.plane === 'control' ? undefined : await openRelayPlane(config, log, control?.tokenKeys)
  const planes = [control, relay].filter((plane) => plane !== undefined)

  const relayOrigin = relay ? await relay.listen() : config.relayOrigin
  const origin = await control?.listen(relayOrigin)
  // One for each: what one plane has to do does not keep the other from removing what has expired.
  const sweepers = planes.map((plane) => startSweeper(plane.sweeps, { log, now: Date.now }))
  const stopped = untilStopped()
  console.log(JSON.stringify({ event: 'listening', origin, relayOrigin, pid: process.pid }))

  const failure = await Promise.race([stopped, ...planes.map((plane) => plane.failed)])
  if (failure) log.error('storage.failed', { stack: failure.stack ?? failure.message })
  else log.info('stopping')
  const ended = Promise.all([...sweepers.map((sweeper) => sweeper.stop()), ...planes.map((plane) => plane.drain())])
  const closed = failure ? ended : ended.then(() => closeAll(planes))
  const isClosed = await Promise.race([closed.then(() => true), pause(STOP_MAX_MS, false)])
  if (!isClosed) log.error('storage.failed', { stack: 'the storage does not answer: it is not waited for' })
  return failure || !isClosed ? EXIT.storage : EXIT.done
}

/** @throws StorageFailed when the database is not there in time. */
async function openPatiently(config: Config, log: Log): Promise<ControlPlane> {
  const lastAt = performance.now() + DATABASE_AWAITED_MS
  for (;;) {
    try {
      return await openControlPlane(config, log)
    } catch (error) {
      if (!config.database || !(error instanceof StorageFailed) || performance.now() > lastAt) throw error
      log.warn('storage.awaited', { stack: error.message })
    }
    await pause(ASK_AGAIN_MS)
  }
}

async function closeAll(planes: readonly Plane[]): Promise<void> {
  for (const plane of planes) await plane.close()
}

/** A second signal finds no handler and ends the process at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.removeListener('SIGTERM', stop)
      process.removeListener('SIGINT', stop)
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) return print(USAGE)
  if (args.includes('--version')) return print(`${VERSION}\n`)
  const { words, config } = parseConfig(args, process.env)
  const [command, rest] = findCommand(words.length === 0 ? ['serve'] : words)
  if (!command) return refuse(EXIT.usage, ['unknown command; see platform-server --help'])
  return command.run(config, rest)
}

/** @returns the command that a line names and the words that follow its name, as many as it takes. */
function findCommand(words: readonly string[]): [command: Command | undefined, rest: readonly string[]] {
  for (const command of COMMANDS) {
    const expected = command.usage.split(' ')
    const name = expected.filter((word) => word === word.toLowerCase())
    const isNamed = words.length === expected.length && name.every((word, index) => word === words[index])
    if (isNamed) return [command, words.slice(name.length)]
  }
  return [undefined, []]
}

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.done
}

function refuse(exitCode: number, lines: readonly string[]): number {
  for (const line of lines) process.stderr.write(`platform-server: ${line}\n`)
  return exitCode
}

/** @returns an exit code for what an operator can put right. @throws every other error: it is a fault, and its stack is wanted. */
function explain(thrown: unknown): number {
  const error = explainFile('the database', thrown)
  if (error instanceof BadConfiguration) return refuse(EXIT.configuration, error.faults)
  if (error instanceof StorageUnusable) return refuse(EXIT.configuration, [error.message])
  // A refusal is what the storage told those who asked something of it.
  if (error instanceof StorageFailed || error instanceof Refusal) return refuse(EXIT.storage, [error.message])
  if (isSystemError(error)) return refuse(DISK_TROUBLE.has(error.code) ? EXIT.storage : EXIT.configuration, [error.message])
  throw error
}

/** The operating system said no: an address in use, a directory that may not be written. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

// Whatever the umask of the shell says, nobody else on this machine reads what the platform keeps.
process.umask(0o077)
process.exit(await main(process.argv.slice(2)).catch(explain))
