import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchColdStart, type StartRow } from './cold-start.ts'
import { benchControlPlane, type ControlRow } from './control-plane.ts'
import { describeMachine, type Machine, pinLoad } from './machine.ts'
import { table } from './table.ts'

const ROOT = dirname(import.meta.dirname)
const RESULT = join(ROOT, '.cache', 'bench.json')

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
  },
})

interface Run {
  readonly machine: Machine
  readonly control: readonly ControlRow[]
  readonly starts: readonly StartRow[]
}

async function bench(): Promise<Run> {
  const isPinned = pinLoad()
  const machine = describeMachine(isPinned)
  const [repeats, seconds, connections] = [values.repeats, values.seconds, values.connections].map(Number) as [
    number,
    number,
    number,
  ]
  const wanted = (part: string) => values.only === undefined || values.only === part
  return {
    machine,
    control: wanted('control') ? await benchControlPlane({ isPinned, repeats, seconds, connections }) : [],
    starts: wanted('starts') ? await benchColdStart(isPinned) : [],
  }
}

const number = (value: number, digits = 0) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

function report({ machine, control, starts }: Run): string {
  const { cpu, cores, memoryGiB, system, node, fsyncMs, isPinned, loadBefore } = machine
  const lines = [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, fsync of 4 KiB ${number(fsyncMs, 2)} ms${isPinned ? '' : ', NOT pinned to cores'}, load before the run ${number(loadBefore, 1)}`,
  ]
  if (control.length > 0) {
    const rows = control.map(({ call, server, perSecond, p99Ms, cpuMicros, ofBare, cpuOfBare }) => [
      call,
      server,
      number(perSecond),
      number(p99Ms, 1),
      cpuMicros === undefined ? '' : number(cpuMicros),
      `${number(ofBare, 2)} ×`,
      cpuOfBare === undefined ? '' : `${number(cpuOfBare, 2)} ×`,
    ])
    lines.push('', table(['call', 'server', 'calls/s', 'p99 ms', 'CPU µs/call', 'calls/s of bare', 'CPU of bare'], rows))
  }
  if (starts.length > 0) {
    const rows = starts.map(({ name, command, medianMs, p99Ms, ratio }) => [
      name,
      command,
      number(medianMs),
      number(p99Ms),
      `${number(ratio, 1)} ×`,
    ])
    lines.push('', table(['start', 'command', 'ms', 'p99 ms', 'of node -e 0'], rows))
  }
  return lines.join('\n')
}

const run = await bench()
mkdirSync(dirname(RESULT), { recursive: true })
writeFileSync(RESULT, `${JSON.stringify(run, null, 2)}\n`)
console.log(report(run))
