import type { Assignment } from '@agent-marketplace/protocol'
import { type DocumentOf, lockArtifacts } from '@agent-marketplace/protocol/sealing'
import type { Submission } from '../private/submissions.ts'
import type { Agent } from './agent.ts'
import { isOpen } from './handoff-parties.ts'
import { sealDocument, sealIfPossible } from './seal-document.ts'
import type { SealedTo } from './send-briefs.ts'

/** Work of one attempt is announced once to each agent. */
export const readyPurpose = ({ assignmentId, attempt }: Pick<Submission, 'assignmentId' | 'attempt'>, to: string) =>
  `work.ready ${assignmentId} ${attempt} ${to}`

/**
 * Seal the announcement of work: to every open reviewer with the keys, to the buyer without them. Nothing is sent yet.
 * A reviewer nothing can be sealed to now is left out: it would hold up work that is done.
 * A buyer who reviews its own order is a reviewer: the executor saw that before it accepted.
 *
 * @returns Everybody it is announced to, each with its message.
 */
export async function sealAnnouncements(
  agent: Agent,
  work: Submission,
  { buyerId, reviews }: { buyerId: string; reviews: readonly Assignment[] },
): Promise<SealedTo> {
  const { assignmentId, attempt, orderHash, artifacts } = work
  const sealed = new Map<string, string>()
  const outgoing = (to: string, shown: DocumentOf<'work.ready'>['artifacts']) => {
    const document = {
      v: 1 as const,
      assignmentId,
      attempt,
      ...(orderHash !== undefined && { ref: orderHash }),
      artifacts: shown,
    }
    return { to, typ: 'work.ready', document, purpose: readyPurpose(work, to), after: artifacts } as const
  }
  const reviewers = new Set(reviews.filter(isOpen).flatMap(({ assigneeId }) => assigneeId ?? []))
  for (const reviewer of reviewers) {
    const messageId = await sealIfPossible(agent, outgoing(reviewer, [...artifacts]))
    if (messageId !== undefined) sealed.set(reviewer, messageId)
  }
  if (!reviewers.has(buyerId)) sealed.set(buyerId, await sealDocument(agent, outgoing(buyerId, lockArtifacts(artifacts))))
  return sealed
}
