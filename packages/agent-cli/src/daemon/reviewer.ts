import type { DocumentOf } from '@agent-marketplace/protocol/sealing'
import { findBrief, findWork, type ReviewParties, readReview, type WorkToReview } from '../agent/find-review.ts'
import { isOpen } from '../agent/handoff-parties.ts'
import { type Judge, validatorJudge } from '../agent/judge-work.ts'
import { publish, reportMissingWork, runReview } from '../agent/run-review.ts'
import { type Job, moveJob } from '../private/jobs.ts'
import { findDecision, keepDecision } from '../private/verdicts.ts'
import { detectIsolation } from '../review/isolation.ts'
import { commandJudge, NoVerdict } from './command-judge.ts'
import type { Daemon } from './daemon-context.ts'
import { loggedJob } from './logged-job.ts'
import { releaseInStead } from './release-in-stead.ts'
import type { StepContext } from './step.ts'
import { takeOn } from './take-on.ts'

/** How long announced work may be on its way after it was submitted, before the verdict is that it is not there. */
const WORK_WITHIN_MS = 600_000

/** Do the next thing about work this agent is to judge. */
export async function stepReview(context: StepContext, job: Job): Promise<Job | undefined> {
  const { agent } = context.daemon
  const parties = await readReview(agent, job.assignmentId)
  const { review, target } = parties
  const move = (state: Job['state'], change: { attempt?: number } = {}) =>
    moveJob(agent.vault, job, { ...change, state }, agent.now())

  if (!isOpen(review)) return releaseInStead(context.daemon, job, parties)
  if (target.attempt > job.attempt) return move('waiting', { attempt: target.attempt })
  if (job.state === 'assigned') return takeOn(context, job, review, target.attempt)
  if ((job.state !== 'waiting' && job.state !== 'missing') || target.state !== 'submitted') return undefined
  // The verdict on this attempt was given, by hand or before a crash; its report may still be on its way.
  if (review.state === 'submitted' && !findDecision(agent.vault, job.assignmentId, job.attempt)) return move('judged')
  return judge(context, job, parties)
}

async function judge(context: StepContext, job: Job, parties: ReviewParties): Promise<Job | undefined> {
  const { daemon, signal } = context
  const { agent, emit } = daemon
  const { assignmentId, attempt } = job
  const brief = findBrief(agent, parties)?.document
  const work = findWork(agent, parties)
  const isDecided = findDecision(agent.vault, assignmentId, attempt) !== undefined
  if (!isDecided && !work) return waitForWork(daemon, job, parties)
  if (!isDecided && !brief) return undefined

  try {
    const chosen = await chooseJudge(daemon, job, { brief, work, signal })
    const { outcome, scoreBps } = await runReview(agent, {
      reviewAssignmentId: assignmentId,
      submit: true,
      judge: chosen,
      signal,
    })
    emit('verdict', { assignmentId, targetAssignmentId: parties.target.assignmentId, attempt, outcome, scoreBps })
    return moveJob(agent.vault, job, { state: 'judged' }, agent.now())
  } catch (error) {
    if (!(error instanceof NoVerdict)) throw error
    emit('warning', { code: 'no_verdict', assignmentId, attempt, message: error.message })
    return moveJob(agent.vault, job, { state: 'stalled' }, agent.now())
  }
}

/** The own command if there is one, else the validators of the brief; whoever has neither leaves the verdict to a person. */
async function chooseJudge(
  daemon: Daemon,
  job: Job,
  { brief, work, signal }: { brief: DocumentOf<'review.brief'> | undefined; work: WorkToReview | undefined; signal: AbortSignal },
): Promise<Judge> {
  const { agent, options, policy } = daemon
  if (options.reviewExec !== undefined)
    return commandJudge({ command: options.reviewExec, work, policy: policy(), run: loggedJob(daemon, job), signal })
  const { schema, rules, tests } = brief?.validators ?? {}
  if (brief && schema === undefined && rules === undefined && tests === undefined)
    throw new NoVerdict('the brief brings no validators: judge it with `review submit`')
  if (tests !== undefined && (await detectIsolation()) === 'none')
    return async () => ({
      outcome: 'inconclusive',
      scoreBps: 0,
      checks: [],
      reason: 'this reviewer runs tests of others only in isolation, and has none',
    })
  return validatorJudge({ hide: [agent.profile.directory], signal })
}

/** Work that was submitted and never handed over is judged too, once it has had time to arrive. */
async function waitForWork({ agent, emit, wake }: Daemon, job: Job, parties: ReviewParties): Promise<Job | undefined> {
  if (job.state !== 'missing') return moveJob(agent.vault, job, { state: 'missing' }, agent.now())
  const { target } = parties
  const untilReviewByMs = (target.reviewByMs ?? Number.POSITIVE_INFINITY) - job.sinceMs
  const leftMs = job.sinceMs + Math.min(WORK_WITHIN_MS, untilReviewByMs / 2) - agent.now()
  if (leftMs > 0) {
    setTimeout(wake, leftMs).unref()
    return undefined
  }
  const decision = keepDecision(agent.vault, reportMissingWork(parties), agent.now())
  await publish(agent, parties, decision)
  const { assignmentId, attempt } = job
  emit('verdict', { assignmentId, targetAssignmentId: target.assignmentId, attempt, outcome: decision.outcome, scoreBps: 0 })
  return moveJob(agent.vault, job, { state: 'judged' }, agent.now())
}
