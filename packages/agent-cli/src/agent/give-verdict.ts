import type { Assignment, Outcome } from '@agent-marketplace/protocol'
import { findDecision, keepDecision } from '../private/verdicts.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { findWork, type ReviewParties, readReview } from './find-review.ts'
import { readAssignment } from './lease.ts'
import { receiveDrops } from './receive-drops.ts'
import { publish, writeReport } from './run-review.ts'
import { refuseScore } from './submit-verdict.ts'

export interface GivenVerdict {
  readonly reviewAssignmentId: string
  readonly attempt: number
  readonly outcome: Outcome
  readonly scoreBps: number
  /** What the verdict made of the work. */
  readonly target: Pick<Assignment, 'assignmentId' | 'state' | 'attempt'>
}

/**
 * Give a verdict of one's own: signed and submitted, and a report with its reason sent to executor and buyer. Repeated, it finishes what is left to do.
 *
 * @throws CliError `already_exists` if this attempt was decided in another way; `wrong_state` unless the target is submitted; `not_found` if a verdict about
 *   the content of the work is given before the work has arrived; `usage` as `refuseScore`.
 */
export async function giveVerdict(
  agent: Agent,
  input: {
    reviewAssignmentId: string
    outcome: Outcome
    scoreBps?: number | undefined
    reason?: string | undefined
    key?: string | undefined
    signal?: AbortSignal | undefined
  },
): Promise<GivenVerdict> {
  const { reviewAssignmentId, outcome, reason, key, signal } = input
  refuseScore(outcome, input.scoreBps)
  const scoreBps = input.scoreBps ?? 0
  const parties = await readReview(agent, reviewAssignmentId)
  const { attempt, state, assignmentId } = parties.target

  const decision = findDecision(agent.vault, reviewAssignmentId, attempt) ?? (await decide())
  if (decision.outcome !== outcome || decision.scoreBps !== scoreBps)
    throw new CliError('already_exists', `attempt ${attempt} was decided as ${decision.outcome}, ${decision.scoreBps} points`)
  await publish(agent, parties, decision, key)
  const target = await readAssignment(agent, assignmentId)
  return {
    ...{ reviewAssignmentId, attempt, outcome, scoreBps },
    target: { assignmentId, state: target.state, attempt: target.attempt },
  }

  async function decide() {
    if (state !== 'submitted') throw new CliError('wrong_state', `there is nothing to judge: the target is ${state}`)
    const judged = await describeWork(agent, parties, signal)
    if (judged.work.length === 0 && outcome !== 'content_unavailable' && outcome !== 'inconclusive')
      throw new CliError('not_found', 'the work has not arrived yet', {
        hint: 'say content_unavailable if its executor does not send it',
      })
    const report = writeReport(parties, { outcome, scoreBps, checks: [], reason }, judged)
    return keepDecision(agent.vault, report, agent.now())
  }
}

async function describeWork(agent: Agent, parties: ReviewParties, signal: AbortSignal | undefined) {
  if (!findWork(agent, parties)) await receiveDrops(agent, { signal })
  const work = findWork(agent, parties)
  if (!work) return { work: [] }
  return { ref: work.hash, work: work.artifacts.map(({ name, sha256 }) => ({ name, sha256 })) }
}
