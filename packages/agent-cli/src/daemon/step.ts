import type { Assignment } from '@agent-marketplace/protocol'
import type { Job } from '../private/jobs.ts'
import type { Daemon } from './daemon-context.ts'

/** What a step is given beside its job. */
export interface StepContext {
  readonly daemon: Daemon
  /** Aborted when the assignment is lost, or the daemon stops. */
  readonly signal: AbortSignal
  /** Take room for this job among those of its capability, or find that it has it. @returns `false` if there is none now. */
  takeRoom(assignment: Assignment): boolean
}

/** Do the next thing about a job. @returns the job as it is now, or `undefined` when there is nothing to do for the moment. */
export type Step = (context: StepContext, job: Job) => Promise<Job | undefined>
