import { openControlPlane } from './api/control-plane.ts'
import { BadConfiguration, type Config, parseConfig } from './config.ts'
import { describeFlags } from './flags.ts'
import { createLog } from './log.ts'
import { openRelayPlane } from './relay-plane.ts'
import { StorageUnusable } from './storage/open-error.ts'
import { startSweeper } from './sweep.ts'
import { VERSION } from './version.ts'

/** Exit codes: `configuration` is EX_CONFIG of sysexits, which tells a supervisor that another start would not help. */
const EXIT = { usage: 2, configuration: 78 } as const

/** What the first words of a command line may be. */
const COMMANDS = new Map([['serve', serve]])

const USAGE = `platform-server [${[...COMMANDS.keys()].join(' | ')}] [flags]

A flag wins over its environment variable.

${describeFlags()}
  --help
  --version
`

/** Serve both planes, or the one that is asked for, until SIGTERM or SIGINT. */
async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel)
  const control = config.plane === 'relay' ? undefined : await openControlPlane(config, log)
  const relay = config.plane === 'control' ? undefined : await openRelayPlane(config, log)
  const planes = [control, relay].filter((plane) => plane !== undefined)

  const relayOrigin = relay ? await relay.listen() : config.relayOrigin
  const origin = await control?.listen(relayOrigin)
  const sweeper = startSweeper(
    planes.flatMap((plane) => plane.sweeps),
    { log, now: Date.now },
  )
  const stopped = untilStopped()
  console.log(JSON.stringify({ event: 'listening', origin, relayOrigin, pid: process.pid }))

  await stopped
  log.info('stopping')
  await Promise.all([sweeper.stop(), ...planes.map((plane) => plane.drain())])
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
  const command = COMMANDS.get(words.join(' ') || 'serve')
  if (!command) return refuse(EXIT.usage, ['unknown command; see platform-server --help'])
  await command(config)
  return 0
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
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
