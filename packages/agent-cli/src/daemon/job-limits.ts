import type { Policy } from '../settings/policy.ts'

/** The most input and output of one job, bytes. */
export const JOB_BYTES_MAX = 4 * 1024 ** 3
export const JOB_MS_MAX = 6 * 3_600_000
const JUDGE_MS_MAX = 3_600_000

/** What one command may use. */
export interface JobLimits {
  readonly timeoutMs: number
  readonly outputBytesMax: number
  readonly memoryBytesMax?: number
}

/** Limits of a command that works: those of the policy, within what this program allows at all. */
export function workLimits({ jobMs = JOB_MS_MAX, jobOutputBytes = JOB_BYTES_MAX, jobMemoryBytes }: Policy): JobLimits {
  return {
    timeoutMs: Math.min(jobMs, JOB_MS_MAX),
    outputBytesMax: Math.min(jobOutputBytes, JOB_BYTES_MAX),
    ...(jobMemoryBytes !== undefined && { memoryBytesMax: jobMemoryBytes }),
  }
}

/** Limits of a command that judges: its output is a verdict, not a result. */
export function judgeLimits(policy: Policy, outputBytesMax: number): JobLimits {
  const { timeoutMs, ...limits } = workLimits(policy)
  return { ...limits, timeoutMs: Math.min(timeoutMs, JUDGE_MS_MAX), outputBytesMax }
}
