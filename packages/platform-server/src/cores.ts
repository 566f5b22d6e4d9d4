import { writeFileSync } from 'node:fs'
import type { Log } from './log.ts'

/** What of the memory of this process goes into a core, as a mask of kinds of mappings: core(5). */
const FILTER = '/proc/self/coredump_filter'
const NOTHING = '0'

/**
 * Keep the memory of this process out of every core that the kernel or a debugger writes of it: requests leave the sessions they show behind in it.
 * Elsewhere than on Linux the limits of the process have to see to that; where Linux does not let it be set, the log says so.
 */
export function leaveMemoryOutOfCores(log: Log): void {
  if (process.platform !== 'linux') return
  try {
    writeFileSync(FILTER, NOTHING)
  } catch {
    log.warn('cores.hold.memory')
  }
}
