import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchColdStart } from './cold-start.ts'
import { benchControlPlane } from './control-plane.ts'
import { benchDaemon } from './daemon.ts'
import { benchGrowth } from './growth.ts'
import { describeMachine, pinLoad } from './machine.ts'
import { benchOverload } from './overload.ts'
import { benchRelay } from './relay.ts'
import { report } from './report.ts'
import { ENGINES, type Options, type Row } from './row.ts'

const RESULT = join(dirname(import.meta.dirname), '.cache', 'bench.json')

const GROUPS: Readonly<Record<string, (options: Options) => Promise<Row[]>>> = {
  control: benchControlPlane,
  overload: benchOverload,
  growth: benchGrowth,
  relay: benchRelay,
  cli: benchColdStart,
  daemon: benchDaemon,
}
const USAGE = `usage: npm run bench -- [${Object.keys(GROUPS).join('|')}]… [--engine ${ENGINES.join('|')}] [--repeats 3] [--seconds 2]
  [--connections 64] [--rows-max 1000000] [--artifact-mib 1024] [--idle-minutes 1]`

async function bench(args: string[]): Promise<void> {
  const { groups, ...given } = readArguments(args)
  const isPinned = pinLoad()
  const machine = describeMachine(isPinned)
  const rows: Row[] = []
  for (const group of groups) {
    process.stderr.write(`measuring: ${group}\n`)
    rows.push(...((await GROUPS[group]?.({ isPinned, ...given })) ?? []))
  }
  mkdirSync(dirname(RESULT), { recursive: true })
  writeFileSync(RESULT, `${JSON.stringify({ date: new Date().toISOString(), machine, rows }, null, 2)}\n`)
  console.log(report(machine, rows))
}

/** @throws Error with what is wrong with the command line. */
function readArguments(args: string[]): Omit<Options, 'isPinned'> & { groups: string[] } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      engine: { type: 'string', multiple: true, default: [...ENGINES] },
      repeats: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '2' },
      connections: { type: 'string', default: '64' },
      'rows-max': { type: 'string', default: '1000000' },
      'artifact-mib': { type: 'string', default: '1024' },
      'idle-minutes': { type: 'string', default: '1' },
    },
  })
  const groups = positionals.length > 0 ? positionals : Object.keys(GROUPS)
  const unknown = groups.filter((group) => !(group in GROUPS))
  if (unknown.length > 0) throw new Error(`no such group: ${unknown.join(', ')}`)
  const engines = ENGINES.filter((engine) => values.engine.includes(engine))
  if (engines.length < new Set(values.engine).size) throw new Error('no such engine')
  const count = (name: Exclude<keyof typeof values, 'engine'>) => {
    const value = Number(values[name])
    if (!(value > 0)) throw new Error(`--${name}: expected a number above 0`)
    return value
  }
  return {
    groups,
    engines,
    repeats: count('repeats'),
    seconds: count('seconds'),
    connections: count('connections'),
    rowsMax: count('rows-max'),
    artifactMiB: count('artifact-mib'),
    idleMinutes: count('idle-minutes'),
  }
}

try {
  readArguments(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${USAGE}\n`)
  process.exit(2)
}
// By a signal as by an error: what was started ends with us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  await bench(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`stopped: ${firstCause(error).message}\n`)
  process.exit(1)
}

/** What ended while it was measured says more than the calls that it did not answer. */
function firstCause(error: unknown): Error {
  if (error instanceof SuppressedError) return firstCause(error.error)
  return error instanceof Error ? error : new Error(String(error))
}
