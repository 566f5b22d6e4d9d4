import { rm } from 'node:fs/promises'
import type { Assignment } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'
import { CliError } from '../agent/cli-error.ts'
import { ContentError } from '../agent/content-error.ts'
import { findOrder } from '../agent/find-order.ts'
import { isOpen } from '../agent/handoff-parties.ts'
import { readAssignment } from '../agent/lease.ts'
import { sealDocument } from '../agent/seal-document.ts'
import { submitWork } from '../agent/submit-work.ts'
import type { Message } from '../private/inbox.ts'
import { type Job, moveJob } from '../private/jobs.ts'
import { findSubmission } from '../private/submissions.ts'
import { addWorkTime } from '../private/work-log.ts'
import { type ReportOnEarlier, readEarlierReports } from './earlier-reports.ts'
import { workLimits } from './job-limits.ts'
import { loggedJob } from './logged-job.ts'
import { JobFault, listResults, prepareWork, refuseFlawedResults, runWork } from './run-work.ts'
import type { StepContext } from './step.ts'
import { takeOn, tellDeclined } from './take-on.ts'

/** How long the order may take after the assignment was accepted. */
const ORDER_WITHIN_MS = 3_600_000

/** How long an attempt waits for the reports on the one before. */
const REPORTS_WITHIN_MS = 30_000

/** Do the next thing about work this agent is to execute. */
export async function stepWork(context: StepContext, job: Job): Promise<Job | undefined> {
  const { agent } = context.daemon
  const assignment = await readAssignment(agent, job.assignmentId)
  const move = (state: Job['state'], change: { attempt?: number } = {}) =>
    moveJob(agent.vault, job, { ...change, state }, agent.now())

  if (!isOpen(assignment)) return end(context, job)
  if (assignment.attempt > job.attempt) {
    await discard(job)
    return move('waiting', { attempt: assignment.attempt })
  }
  if (assignment.state === 'submitted' && job.state !== 'submitted') {
    await discard(job)
    return move('submitted')
  }
  switch (job.state) {
    case 'assigned':
      return takeOn(context, job, assignment, assignment.attempt)
    case 'waiting':
      return work(context, job, assignment)
    case 'running':
      // Nobody but this process runs jobs of this profile: the one that ran it is dead, and what it left is not to be trusted.
      await discard(job)
      return move('waiting')
    case 'finished':
      return handIn(context, job)
    default:
      return undefined
  }
}

async function work(context: StepContext, job: Job, assignment: Assignment): Promise<Job | undefined> {
  const { daemon, takeRoom } = context
  const { agent } = daemon
  const order = findOrder(agent, assignment)
  if (!order) {
    if (agent.now() - job.sinceMs < ORDER_WITHIN_MS) return undefined
    return stall(context, job, assignment, 'no order has arrived')
  }
  const { reports, isComplete } = await readEarlierReports(agent, assignment)
  const reportsLeftMs = REPORTS_WITHIN_MS - (agent.now() - job.sinceMs)
  if (!isComplete && reportsLeftMs > 0) {
    setTimeout(daemon.wake, reportsLeftMs).unref()
    return undefined
  }
  if (!takeRoom(assignment)) return undefined
  const { assignmentId } = job
  const acceptance = { v: 1, assignmentId, ref: order.hash } as const
  await sealDocument(agent, {
    to: assignment.buyerId,
    typ: 'order.accept',
    document: acceptance,
    purpose: `order.accept ${assignmentId}`,
  })
  return run(context, job, { assignment, order, reports })
}

async function run(
  context: StepContext,
  job: Job,
  task: { assignment: Assignment; order: Message<'order.offer'>; reports: ReportOnEarlier[] },
): Promise<Job | undefined> {
  const { assignment } = task
  const { daemon, signal } = context
  const { agent, emit } = daemon
  const { assignmentId, attempt } = job
  let running = job
  try {
    const policy = daemon.policy()
    const prepared = await prepareWork(agent, { ...task, policy, signal }, (directory) => {
      running = moveJob(agent.vault, job, { state: 'running', directory }, agent.now())
    })
    emit('job-started', { assignmentId, attempt })
    const durationMs = await timed(agent, job, () =>
      runWork(prepared, {
        command: daemon.options.exec ?? 'false',
        assignment,
        limits: workLimits(policy),
        run: loggedJob(daemon, job),
        signal,
      }),
    )
    if (daemon.options.preflight) await refuseFlawedResults(agent, assignment, { directory: prepared, signal })
    emit('job-finished', { assignmentId, attempt, ok: true, durationMs })
    return moveJob(agent.vault, running, { state: 'finished' }, agent.now())
  } catch (error) {
    // Stopped from outside: after a restart it is run again, and if the assignment is over the next look at it ends it.
    if (signal.aborted) return undefined
    if (error instanceof JobFault) emit('job-finished', { assignmentId, attempt, ok: false, reason: error.message })
    if (error instanceof JobFault || isUnusableOrder(error)) return stall(context, running, assignment, error.message)
    throw error
  }
}

/** Run the command, and note how long that took. */
async function timed(agent: Agent, job: Job, run: () => Promise<number>): Promise<number> {
  const startedMs = performance.now()
  try {
    return await run()
  } finally {
    addWorkTime(agent.vault, job.assignmentId, performance.now() - startedMs, agent.now())
  }
}

async function handIn(context: StepContext, job: Job): Promise<Job | undefined> {
  const { agent, emit } = context.daemon
  const { assignmentId, attempt } = job
  const files = await listResults(job.directory)
  if (!files) {
    // The output is gone. What was announced of it stands; else it is made again.
    return moveJob(
      agent.vault,
      job,
      { state: findSubmission(agent.vault, assignmentId, attempt) ? 'stalled' : 'waiting' },
      agent.now(),
    )
  }
  const { sentTo, state, dueAtMs } = await submitWork(agent, { assignmentId, files, signal: context.signal })
  // Announcements that rest first: the platform is told, and this event given, when they have left.
  if (dueAtMs === undefined) emit('submitted', { assignmentId, attempt, state, sentTo })
  const submitted = moveJob(agent.vault, job, { state: 'submitted' }, agent.now())
  await discard(job)
  return submitted
}

/** Do no more about this attempt: its lease is let go, and the buyer is told why. Work is never faked. */
async function stall({ daemon }: StepContext, job: Job, assignment: Assignment, reason: string): Promise<Job> {
  const { agent, emit } = daemon
  const { assignmentId, attempt } = job
  await tellDeclined(agent, job, assignment, reason)
  emit('warning', { code: 'work_stalled', assignmentId, attempt, message: reason })
  return moveJob(agent.vault, job, { state: 'stalled' }, agent.now())
}

async function end({ daemon }: StepContext, job: Job): Promise<undefined> {
  await discard(job)
  moveJob(daemon.agent.vault, job, { state: 'ended' }, daemon.agent.now())
}

async function discard({ directory }: Job): Promise<void> {
  if (directory !== undefined) await rm(directory, { recursive: true, force: true })
}

/** The order's files are gone, changed, too large or named in a way no disk should see. */
function isUnusableOrder(error: unknown): error is CliError {
  return error instanceof ContentError || (error instanceof CliError && error.code === 'usage')
}
