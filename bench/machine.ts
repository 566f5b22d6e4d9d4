import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

/** What the numbers of a run describe besides our code. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Whether server and load each had a core of their own. */
  readonly isPinned: boolean
  /** Median time of one 4 KiB write with fsync in the directory that the servers keep their data in. */
  readonly fsyncMs: number
  /** Processes that ran or waited in the minute before: near 0 on a machine that does nothing else. */
  readonly loadBefore: number
}

/** The core of whatever is measured, and the core of what measures it. */
const SUBJECT_CORE = '0'
const LOAD_CORE = '1'
const FSYNCS = 200

/** Move this process to the core of the load, where that can be done. @returns whether it was. */
export function pinLoad(): boolean {
  if (availableParallelism() < 2) return false
  try {
    execFileSync('taskset', ['-a', '-c', '-p', LOAD_CORE, String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A command line that runs on the core of the subject. */
export function onSubjectCore(command: readonly string[], isPinned: boolean): [string, ...string[]] {
  const [file = '', ...args] = command
  return isPinned ? ['taskset', '-c', SUBJECT_CORE, file, ...args] : [file, ...args]
}

export function describeMachine(isPinned: boolean): Machine {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    isPinned,
    fsyncMs: measureFsync(),
    loadBefore: loadavg()[0] ?? Number.NaN,
  }
}

/** @returns CPU time in seconds that a process has used so far; `undefined` where the system does not say. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}

/** @returns the most memory in MiB that a process ever had in use (`VmHWM`); `undefined` where the system does not say, or it has ended. */
export function peakMiB(pid: number): number | undefined {
  return statusMiB(pid, 'VmHWM')
}

/** @returns the memory in MiB that a process has in use now (`VmRSS`). */
export function residentMiB(pid: number): number | undefined {
  return statusMiB(pid, 'VmRSS')
}

function statusMiB(pid: number, field: string): number | undefined {
  try {
    const [, kiB] = new RegExp(`^${field}:\\s+([0-9]+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kiB === undefined ? undefined : Number(kiB) / 1024
  } catch {
    return undefined
  }
}

function measureFsync(): number {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const file = openSync(join(directory, 'fsync'), 'w')
  const block = new Uint8Array(4096)
  const times = Array.from({ length: FSYNCS }, () => {
    const startedAt = performance.now()
    writeSync(file, block)
    fsyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  rmSync(directory, { recursive: true })
  return median(times)
}
