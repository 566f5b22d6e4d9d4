import { beginLog, type JobLog, pruneLogs } from '../private/job-logs.ts'
import type { Job } from '../private/jobs.ts'
import type { Daemon } from './daemon-context.ts'
import { type JobOptions, type JobResult, runJob } from './run-job.ts'
import { describeFault } from './run-loop.ts'

/** Runs a command as a job. */
export type RunJob = (options: JobOptions) => Promise<JobResult>

/**
 * Run commands of a job with a log each of what they print, for the owner of this machine to read with `daemon logs`. It says what the work was about:
 * it is sealed as it is written and never leaves the machine. A log that cannot be kept is no reason to lose the work.
 */
export function loggedJob({ agent, emit }: Daemon, job: Pick<Job, 'assignmentId' | 'kind' | 'attempt'>): RunJob {
  const { vault, profile, now } = agent
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action()
    } catch (error) {
      emit('warning', { assignmentId: job.assignmentId, ...describeFault(error), code: 'log_not_kept' })
      return undefined
    }
  }
  return async (options) => {
    const log = attempt((): JobLog => beginLog(vault, profile.directory, job, now()))
    let outcome = 'not started'
    try {
      const result = await runJob({ ...options, ...(log && { log: log.write }) })
      outcome = describeOutcome(result, options.signal)
      return result
    } finally {
      attempt(() => {
        log?.end(outcome, now())
        pruneLogs(vault, profile.directory, now())
      })
    }
  }
}

function describeOutcome({ exit, signal, timedOut, outputTooLarge }: JobResult, stopped?: AbortSignal): string {
  if (stopped?.aborted) return 'stopped'
  if (timedOut) return 'took too long'
  if (outputTooLarge) return 'wrote too much'
  return exit === null ? `ended by ${signal}` : `exit ${exit}`
}
