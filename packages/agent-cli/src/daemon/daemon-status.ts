import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../agent/cli-error.ts'
import { findDaemon } from '../private/daemon-lock.ts'

const STOP_WITHIN_MS = 8_000
const LOOK_EVERY_MS = 100

export interface DaemonStatus {
  readonly running: boolean
  readonly pid?: number
  readonly agentId?: string
  readonly sinceMs?: number
}

/** Whether the daemon of a profile runs. @param directory - The profile's. */
export function daemonStatus(directory: string): DaemonStatus {
  const daemon = findDaemon(directory)
  return daemon ? { running: true, ...daemon } : { running: false }
}

/**
 * Have the daemon of a profile end in good order, and wait until it has.
 *
 * @returns How things stand afterwards, naming the daemon that was stopped.
 * @throws CliError `unavailable` if it is still there after 8 s.
 */
export async function stopDaemon(directory: string): Promise<DaemonStatus> {
  const daemon = findDaemon(directory)
  if (!daemon) return { running: false }
  signalProcess(daemon.pid)
  for (const endMs = performance.now() + STOP_WITHIN_MS; performance.now() < endMs; ) {
    if (findDaemon(directory)?.pid !== daemon.pid) return { ...daemon, running: false }
    await sleep(LOOK_EVERY_MS)
  }
  throw new CliError('unavailable', `the daemon (process ${daemon.pid}) has not ended yet`)
}

function signalProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    // It has just ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
