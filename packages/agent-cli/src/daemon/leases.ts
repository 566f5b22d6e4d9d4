import type { Assignment } from '@agent-marketplace/protocol'
import { CliError } from '../agent/cli-error.ts'
import { renewLease } from '../agent/lease.ts'
import type { Daemon } from './daemon-context.ts'
import { describeFault } from './run-loop.ts'

/** A lease is renewed this many times in its life, so that two renewals may fail. */
const RENEWALS = 3
const LOOK_EVERY_MS = 300

/** Leases the daemon keeps alive. */
export interface Leases {
  /** Name all work under a lease; what is not named is let go. */
  keep(working: readonly Assignment[]): void
  /** Renew what is due. @returns when to look again, ms. */
  renewDue(): Promise<number>
}

/**
 * Keep leases by the clock of this machine alone: a lease is renewed as soon as it is seen and then every third of its length, however far the server's
 * clock is off.
 *
 * @param onLost - Told of an assignment whose lease is no longer ours.
 */
export function createLeases(daemon: Daemon, onLost: (assignmentId: string) => void): Leases {
  const dueAt = new Map<string, { atMs: number; everyMs: number }>()
  return {
    keep(working) {
      const named = new Map(working.map(({ assignmentId, leaseMs }) => [assignmentId, leaseMs]))
      for (const assignmentId of dueAt.keys()) if (!named.has(assignmentId)) dueAt.delete(assignmentId)
      for (const [assignmentId, leaseMs] of named) {
        if (!dueAt.has(assignmentId)) dueAt.set(assignmentId, { atMs: performance.now(), everyMs: leaseMs / RENEWALS })
      }
    },
    async renewDue() {
      for (const [assignmentId, { atMs, everyMs }] of [...dueAt]) {
        if (atMs > performance.now() || daemon.signal.aborted) continue
        try {
          await renewLease(daemon.agent, assignmentId)
          if (dueAt.has(assignmentId)) dueAt.set(assignmentId, { atMs: performance.now() + everyMs, everyMs })
        } catch (error) {
          if (!isLost(error)) throw error
          dueAt.delete(assignmentId)
          if (error.code !== 'wrong_state') daemon.emit('warning', { assignmentId, ...describeFault(error) })
          onLost(assignmentId)
        }
      }
      return LOOK_EVERY_MS
    },
  }
}

/** Somebody else's by now, or over. */
function isLost(error: unknown): error is CliError {
  return error instanceof CliError && (error.code === 'stale_lease' || error.code === 'wrong_state' || error.code === 'not_found')
}
