import { openControlPlane } from './api/control-plane.ts'
import { backup } from './commands/backup.ts'
import { check } from './commands/check.ts'
import { migrate } from './commands/migrate.ts'
import { verifyLedgerOf } from './commands/verify-ledger.ts'
import { BadConfiguration, type Config, parseConfig } from './config.ts'
import { leaveMemoryOutOfCores } from './cores.ts'
import { describeFlags } from './flags.ts'
import { createLog } from './log.ts'
import { openRelayPlane } from './relay-plane.ts'
import { keepMainThreadFirst } from './single-core.ts'
import { StorageUnusable } from './storage/open-error.ts'
import { startSweeper } from './sweep.ts'
import { VERSION } from './version.ts'

/** Exit codes; the last two are EX_IOERR and EX_CONFIG of sysexits: after `configuration` another start would not help. */
const EXIT = { done: 0, usage: 2, storage: 74, configuration: 78 } as const

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
  const control = config.plane === 'relay' ? undefined : await openControlPlane(config, log)
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
  await Promise.all([...sweepers.map((sweeper) => sweeper.stop()), ...planes.map((plane) => plane.drain())])
  if (failure) return EXIT.storage
  for (const plane of planes) await plane.close()
  return EXIT.done
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
function explain(error: unknown): number {
  if (error instanceof BadConfiguration) return refuse(EXIT.configuration, error.faults)
  if (error instanceof StorageUnusable) return refuse(EXIT.configuration, [error.message])
  if (isSystemError(error)) return refuse(EXIT.configuration, [error.message])
  throw error
}

/** The operating system said no: an address in use, a directory that may not be written. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

// Whatever the umask of the shell says, nobody else on this machine reads what the platform keeps.
process.umask(0o077)
process.exit(await main(process.argv.slice(2)).catch(explain))
