import type { DocumentOf } from '@agent-marketplace/protocol/sealing'
import { type Decision, findDecision, keepDecision, markDecision } from '../private/verdicts.ts'
import type { Agent } from './agent.ts'
import { awaitArrival } from './await-arrival.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'
import { deliverNow } from './deliver-outbox.ts'
import { findBrief, findWork, type ReviewParties, readReview } from './find-review.ts'
import { assigneeOf } from './handoff-parties.ts'
import { type Judge, type Judgement, judgeWork, validatorJudge } from './judge-work.ts'
import { sealDocument } from './seal-document.ts'
import { submitVerdict } from './submit-verdict.ts'

export interface ReviewResult extends Judgement {
  readonly reviewAssignmentId: string
  readonly attempt: number
  readonly isSubmitted: boolean
}

/**
 * Judge the work of the target's current attempt with the validators of the sealed brief, here; with `submit`, sign and submit the verdict and send the
 * report to buyer and executor. An attempt that was decided here is not judged again.
 *
 * @throws CliError `not_found` while brief or work have not arrived, `wrong_state` unless the target is submitted, `unreachable` and the like.
 */
export async function runReview(
  agent: Agent,
  input: {
    reviewAssignmentId: string
    submit?: boolean | undefined
    judge?: Judge | undefined
    signal?: AbortSignal | undefined
  },
): Promise<ReviewResult> {
  const {
    reviewAssignmentId,
    submit = false,
    signal,
    judge = validatorJudge({ hide: [agent.profile.directory], signal }),
  } = input
  const parties = await readReview(agent, reviewAssignmentId)
  const { attempt } = parties.target
  const known = findDecision(agent.vault, reviewAssignmentId, attempt)
  if (known)
    return { ...resultOf(known.report), isSubmitted: submit ? await publish(agent, parties, known) : known.state !== 'decided' }

  if (parties.target.state !== 'submitted')
    throw new CliError('wrong_state', `there is nothing to judge: the target is ${parties.target.state}`)
  const { work, brief } = await findMaterial(agent, parties, signal)
  const judgement = await judgeWork(agent, parties, { work, brief }, { judge, signal })
  const report = writeReport(parties, judgement, {
    ref: work.hash,
    work: work.artifacts.map(({ name, sha256 }) => ({ name, sha256 })),
  })
  if (!submit) return { ...resultOf(report), isSubmitted: false }
  return { ...resultOf(report), isSubmitted: await publish(agent, parties, keepDecision(agent.vault, report, agent.now())) }
}

/** A report without what was judged, for work that never came. */
export function reportMissingWork(parties: ReviewParties): DocumentOf<'review.report'> {
  const judgement = { outcome: 'content_unavailable', scoreBps: 0, checks: [], reason: 'the work was not handed over' } as const
  return writeReport(parties, { ...judgement, checks: [] }, { work: [] })
}

/**
 * Submit a kept decision and send its report: the platform first, so that nobody hears of a verdict it does not take.
 *
 * @returns `true`. @throws CliError `wrong_state` once the target has gone on to another attempt.
 */
export async function publish(agent: Agent, { review, target }: ReviewParties, decision: Decision, key?: string): Promise<true> {
  const { reviewAssignmentId, attempt, outcome, scoreBps, report } = decision
  if (decision.state === 'decided') {
    if (!(await isSubmittedBefore(agent, decision, target)))
      await submitVerdict(agent, { reviewAssignmentId, attempt, outcome, scoreBps, key })
    markDecision(agent.vault, decision, 'submitted')
  }
  if (decision.state !== 'reported') {
    const messageIds: string[] = []
    for (const to of new Set([assigneeOf(target), review.buyerId])) {
      messageIds.push(
        await sealDocument(agent, {
          to,
          typ: 'review.report',
          document: report,
          purpose: `review.report ${reviewAssignmentId} ${attempt} ${to}`,
        }),
      )
    }
    await deliverNow(agent, messageIds)
    markDecision(agent.vault, decision, 'reported')
  }
  return true
}

/** Only for an attempt that is over: a reply lost in the current one is asked for again by the idempotency key. */
async function isSubmittedBefore(
  agent: Agent,
  { reviewAssignmentId, attempt }: Decision,
  target: ReviewParties['target'],
): Promise<boolean> {
  if (target.attempt === attempt && target.state === 'submitted') return false
  const { verdicts } = await query(agent, 'review.listVerdicts', { assignmentId: target.assignmentId })
  if (verdicts.some((verdict) => verdict.reviewAssignmentId === reviewAssignmentId && verdict.attempt === attempt)) return true
  throw new CliError('wrong_state', `attempt ${attempt} was decided without this verdict`)
}

async function findMaterial(agent: Agent, parties: ReviewParties, signal: AbortSignal | undefined) {
  const find = () => (findBrief(agent, parties) && findWork(agent, parties) ? true : undefined)
  // The brief left before work began, and the work before the platform heard of it.
  if (!find()) await awaitArrival(agent, find, { hasLeft: true, signal })
  const brief = findBrief(agent, parties)?.document
  const work = findWork(agent, parties)
  if (!brief) throw new CliError('not_found', 'the brief has not arrived yet', { hint: 'the buyer sends it with `order send`' })
  if (!work) throw new CliError('not_found', 'the work has not arrived yet', { hint: 'the executor’s `work submit` sends it' })
  return { brief, work }
}

/** The report of a judgement. @param judged - Which bytes were judged; none if the work never came. */
export function writeReport(
  { review, target }: ReviewParties,
  { outcome, scoreBps, checks, reason }: Judgement,
  judged: { ref?: string; work: { name: string; sha256: string }[] },
): DocumentOf<'review.report'> {
  const about = { assignmentId: review.assignmentId, targetAssignmentId: target.assignmentId, attempt: target.attempt }
  return { v: 1, ...about, ...judged, outcome, scoreBps, checks, ...(reason !== undefined && { reason }) }
}

function resultOf({
  assignmentId,
  attempt,
  outcome,
  scoreBps,
  checks,
  reason,
}: DocumentOf<'review.report'>): Omit<ReviewResult, 'isSubmitted'> {
  return { reviewAssignmentId: assignmentId, attempt, outcome, scoreBps, checks, ...(reason !== undefined && { reason }) }
}
