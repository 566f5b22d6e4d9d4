import type { Machine } from './machine.ts'
import { meetsTarget, type Row } from './row.ts'
import { table } from './table.ts'

const HEADS = ['what', 'on', 'measured', 'p99 ms', 'CPU µs/call', 'beside', 'target']

/** The machine in a line, then the rows as one table. */
export function report(machine: Machine, rows: readonly Row[]): string {
  return [describe(machine), '', table(HEADS, rows.map(cellsOf))].join('\n')
}

function describe({ cpu, cores, memoryGiB, system, node, fsyncMs, isPinned, loadBefore }: Machine): string {
  const pinned = isPinned ? '' : ', NOT pinned to cores'
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, fsync of 4 KiB ${number(fsyncMs)} ms${pinned}, load before the run ${number(loadBefore)}`
}

function cellsOf(row: Row): string[] {
  const { group, what, on, value, unit, p99Ms, cpuMicros, ratio } = row
  return [
    `${group}: ${what}`,
    on,
    `${number(value)} ${unit}`,
    p99Ms === undefined ? '' : number(p99Ms),
    cpuMicros === undefined ? '' : number(cpuMicros),
    ratio === undefined ? '' : `${ratio.value.toFixed(2)} × ${ratio.of}`,
    targetOf(row),
  ]
}

function targetOf(row: Row): string {
  const isMet = meetsTarget(row)
  if (!row.target || isMet === undefined) return ''
  const { of, atLeast, atMost } = row.target
  const bound = atLeast === undefined ? `≤ ${number(atMost ?? Number.NaN)}` : `≥ ${number(atLeast)}`
  return `${bound}${of === 'ratio' ? ' ×' : ''} ${isMet ? 'met' : 'MISSED'}`
}

/** Three digits, or all of those before the point. */
function number(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}
