import { type Outcome, toBase64url, type VerdictReceipt, type VerdictStatement, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import type { Keyring } from '../private/keyring.ts'
import { withKey } from '../private/pending.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError, usage } from './cli-error.ts'
import { leaseEpochOf, readAssignment } from './lease.ts'

export interface VerdictInput {
  readonly reviewAssignmentId: string
  readonly outcome: Outcome
  /** 0–10000, needed for `passed` and `failed`; 0 for every other outcome. */
  readonly scoreBps?: number | undefined
  /** The attempt that was judged, so that a verdict never lands on another one; the one the target is in if not given. */
  readonly attempt?: number | undefined
  readonly key?: string | undefined
}

/**
 * Sign a verdict on the attempt the target is in and submit it. The signed statement is on disk before it is sent and is what a retry sends.
 *
 * @throws CliError `usage` if the score is missing or does not belong to the outcome; `wrong_state` if the assignment is not a review.
 */
export async function submitVerdict(
  agent: Agent,
  { reviewAssignmentId, outcome, scoreBps, attempt, key }: VerdictInput,
): Promise<VerdictReceipt> {
  refuseScore(outcome, scoreBps)
  const { targetAssignmentId } = await readAssignment(agent, reviewAssignmentId)
  if (targetAssignmentId === undefined) throw new CliError('wrong_state', 'this assignment is not a review')
  const { assignment: target } = await query(agent, 'tasks.getAssignment', { assignmentId: targetAssignmentId })

  const said = { reviewAssignmentId, targetAssignmentId, attempt: attempt ?? target.attempt, outcome, scoreBps: scoreBps ?? 0 }
  const input = {
    ...signVerdict(await agent.identity(), { ...said, issuedAtMs: agent.now() }),
    leaseEpoch: await leaseEpochOf(agent, reviewAssignmentId),
  }
  return withKey(agent, { procedure: 'review.submitVerdict', input, sameAs: said, key }, (idempotencyKey, sent) =>
    agent.platform.mutate('review.submitVerdict', sent, { idempotencyKey }),
  )
}

/** @throws CliError `usage` if `passed` or `failed` has no score, or another outcome has one. */
export function refuseScore(outcome: Outcome, scoreBps: number | undefined): void {
  const isScored = outcome === 'passed' || outcome === 'failed'
  if (isScored && scoreBps === undefined) throw usage(`a verdict "${outcome}" needs a score`, '--score-bps 0–10000')
  if (!isScored && scoreBps) throw usage(`a verdict "${outcome}" has no score`)
}

function signVerdict({ signKey }: Keyring, statement: VerdictStatement): VerdictStatement & { signature: string } {
  return { ...statement, signature: toBase64url(sign('verdict', verdictBytes(statement), signKey.secretKey)) }
}
