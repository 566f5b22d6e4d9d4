import type { Assignment } from '@agent-marketplace/protocol'
import type { DocumentOf, SealedArtifact } from '@agent-marketplace/protocol/sealing'
import { findDocuments, type Message } from '../private/inbox.ts'
import type { Agent } from './agent.ts'
import { usage } from './cli-error.ts'
import { assigneeOf, refuseUnless } from './handoff-parties.ts'
import { readAssignment } from './lease.ts'

/** A review assignment of this agent and the assignment it judges. */
export interface ReviewParties {
  readonly review: Assignment
  readonly target: Assignment
}

/** Work of one attempt as it was announced to this reviewer, with its keys. */
export interface WorkToReview {
  /** Hash of the announcement. */
  readonly hash: string
  readonly artifacts: readonly SealedArtifact[]
}

/**
 * Read a review assignment and its target.
 *
 * @throws CliError `usage` if it is not a review, `forbidden` unless the caller is its reviewer.
 */
export async function readReview(agent: Agent, reviewAssignmentId: string): Promise<ReviewParties> {
  const review = await readAssignment(agent, reviewAssignmentId)
  if (review.targetAssignmentId === undefined) throw usage('this assignment is not a review')
  refuseUnless(review.assigneeId === agent.agentId, 'only the reviewer judges')
  return { review, target: await readAssignment(agent, review.targetAssignmentId) }
}

/** The brief of a review as the buyer sent it, or `undefined` while none has arrived. */
export function findBrief(agent: Agent, { review, target }: ReviewParties): Message<'review.brief'> | undefined {
  const { assignmentId, buyerId } = review
  return findDocuments(agent.vault, 'review.brief', { assignmentId, from: buyerId }).find(
    ({ document }) => document.targetAssignmentId === target.assignmentId,
  )
}

/** The work of the target's attempt as its executor announced it to reviewers, or `undefined` while it has not arrived. */
export function findWork(agent: Agent, { target }: Pick<ReviewParties, 'target'>): WorkToReview | undefined {
  const { assignmentId, attempt } = target
  const announced = findDocuments(agent.vault, 'work.ready', { assignmentId, from: assigneeOf(target) })
  for (const { document, hash } of announced) {
    if (document.attempt === attempt && hasKeys(document.artifacts)) return { hash, artifacts: document.artifacts }
  }
  return undefined
}

function hasKeys(artifacts: DocumentOf<'work.ready'>['artifacts']): artifacts is SealedArtifact[] {
  return artifacts.every((artifact) => 'K' in artifact)
}
