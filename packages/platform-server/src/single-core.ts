import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, constants, setPriority } from 'node:os'

/** Collect garbage on the main thread alone. V8 reads this before it starts, and only then. */
const COLLECT_IN_PLACE = '--single-threaded-gc'
/** What Linux calls the threads of V8 that collect and compile. */
const WORKER = 'V8Worker'

/**
 * Where this process has one core, keep V8's threads from taking turns with the main one, which waits for them for tens of milliseconds else: garbage is
 * collected by the main thread in its small steps, and code is compiled in what time it leaves. Does nothing where there are more cores.
 *
 * Starts this process anew, under its pid and with its arguments, unless it was started so: call it before anything is under way.
 */
export function keepMainThreadFirst(): void {
  if (availableParallelism() > 1) return
  if (!process.execArgv.includes(COLLECT_IN_PLACE)) startAnew()
  if (process.platform === 'linux') standBack()
}

function startAnew(): void {
  const [node = process.execPath, ...args] = process.argv
  process.execve?.(node, [node, COLLECT_IN_PLACE, ...process.execArgv, ...args], process.env)
}

function standBack(): void {
  const tasks = '/proc/self/task'
  for (const thread of readdirSync(tasks)) {
    const name = readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim()
    if (name === WORKER) setPriority(Number(thread), constants.priority.PRIORITY_LOW)
  }
}
