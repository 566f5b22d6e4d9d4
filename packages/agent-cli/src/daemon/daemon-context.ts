import type { Agent } from '../agent/agent.ts'
import type { Policy } from '../settings/policy.ts'
import type { Recovery } from './recovery.ts'

/** What a daemon is asked to do beside following and keeping. */
export interface DaemonOptions {
  /** Command that works on orders; without it execute assignments are left to somebody else. */
  readonly exec?: string | undefined
  /** Results that do not pass the validators of their order are not handed in. */
  readonly preflight?: boolean | undefined
  /** Command that judges work in the place of the built-in validators. */
  readonly reviewExec?: string | undefined
  /** Offered capabilities it serves; all if not given. */
  readonly capabilities?: readonly string[] | undefined
  /** Say in beats that this agent takes no new work. */
  readonly isBusy?: boolean | undefined
  /** Beat no more often than this, ms. */
  readonly intervalMs?: number | undefined
  /** Goes before what the policy of the profile says. */
  readonly policy?: Policy | undefined
}

/** What happened, for whoever follows the daemon's output. Never content of a document. */
export type DaemonEventName =
  | 'started'
  | 'stopped'
  | 'accepted'
  | 'declined'
  | 'order-received'
  | 'job-started'
  | 'job-finished'
  | 'submitted'
  | 'brief-received'
  | 'brief-sent'
  | 'work-announced'
  | 'verdict'
  | 'key-released'
  | 'message'
  | 'warning'
  | 'recovered'

export type EventDetails = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** What the parts of a daemon share. */
export interface Daemon {
  readonly agent: Agent
  readonly options: DaemonOptions
  /** What it takes on, as that is set now. @throws CliError `local_state` if the policy cannot be read: then nothing is taken on. */
  policy(): Policy
  /** Aborted when it is to stop. */
  readonly signal: AbortSignal
  emit(event: DaemonEventName, details?: EventDetails): void
  /** Ends the pauses of what failed while the platform was away. */
  readonly recovery: Recovery
  /** Something may have changed: look at every duty again. */
  wake(): void
}
