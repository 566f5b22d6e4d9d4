import type { Log } from './log.ts'

/** Something that has to be done again and again: expire, forget, flush. Safe to repeat, and to run in several processes at once. */
export interface Sweep {
  readonly name: string
  readonly everyMs: number
  /** @returns how many things were changed. */
  readonly run: () => Promise<number>
}

export interface Sweeper {
  /** Start no more sweeps and wait for the one under way. */
  stop(): Promise<void>
}

/** How often the timer looks for a sweep that is due. */
const SWEEP_TICK_MS = 500

interface SweeperOptions {
  readonly log: Log
  readonly now: () => number
  /** Milliseconds that only go forward. */
  readonly monotonic?: () => number
  readonly tickMs?: number
}

/**
 * Run sweeps by one timer, one after another and never two at once: a tick that finds the last one still at work does nothing.
 * A sweep that fails is logged and tried again when it is due next; the others are not held up. One is due when either clock says so: one of them is set
 * back now and then, the other may stand still while the machine sleeps.
 */
export function startSweeper(
  sweeps: readonly Sweep[],
  { log, now, monotonic = () => performance.now(), tickMs = SWEEP_TICK_MS }: SweeperOptions,
): Sweeper {
  const clocks = [now, monotonic]
  const beganAt = new Map<Sweep, readonly number[]>()
  let running: Promise<void> | undefined
  let isStopped = false

  async function runDue(): Promise<void> {
    for (const sweep of sweeps) {
      if (isStopped) return
      const began = beganAt.get(sweep)
      if (began && !clocks.some((clock, which) => clock() - (began[which] ?? 0) >= sweep.everyMs)) continue
      beganAt.set(
        sweep,
        clocks.map((clock) => clock()),
      )
      await runOne(sweep, log)
    }
  }

  const timer = setInterval(() => {
    running ??= runDue().finally(() => {
      running = undefined
    })
  }, tickMs)
  return {
    async stop() {
      isStopped = true
      clearInterval(timer)
      await running
    },
  }
}

async function runOne({ name, run }: Sweep, log: Log): Promise<void> {
  try {
    const count = await run()
    if (count > 0) log.debug(`sweep.${name}`, { count })
  } catch (error) {
    log.error(`sweep.${name}`, {
      stack: error instanceof Error ? (error.stack ?? error.message) : 'something that is no error was thrown',
    })
  }
}
