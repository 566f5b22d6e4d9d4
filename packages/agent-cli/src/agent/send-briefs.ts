import type { Assignment } from '@agent-marketplace/protocol'
import type { DocumentOf } from '@agent-marketplace/protocol/sealing'
import { findSent, type SentDocument } from '../private/outbox.ts'
import type { Agent } from './agent.ts'
import { isOpen, readReviews } from './handoff-parties.ts'
import { sealIfPossible } from './seal-document.ts'

/** There is one order for an assignment. */
export const orderPurpose = (assignmentId: string) => `order.offer ${assignmentId}`
const briefPurpose = (reviewAssignmentId: string) => `review.brief ${reviewAssignmentId}`

/** The order this machine sent for an assignment, or `undefined`. */
export function findSentOrder(agent: Agent, assignmentId: string): SentDocument<'order.offer'> | undefined {
  return findSent(agent.vault, 'order.offer', orderPurpose(assignmentId))
}

/** Ids of messages to be delivered, by who they are for. */
export type SealedTo = ReadonlyMap<string, string>

/**
 * Seal the brief of an order to every reviewer of its assignment who has none yet. Nothing is sent yet.
 * A reviewer nothing can be sealed to now is left out, and gets it at a later call.
 *
 * @returns The reviewers that have a brief now, each with its message.
 */
export async function sealBriefs(
  agent: Agent,
  order: DocumentOf<'order.offer'>,
  reviews: readonly Assignment[],
): Promise<SealedTo> {
  const sealed = new Map<string, string>()
  for (const { assignmentId, assigneeId } of reviews.filter(isOpen)) {
    if (assigneeId === undefined) continue
    const document: DocumentOf<'review.brief'> = {
      v: 1,
      assignmentId,
      targetAssignmentId: order.assignmentId,
      criteria: order.instructions,
      validators: order.validators,
      ...(order.deliverTo && { deliverTo: order.deliverTo }),
    }
    const purpose = briefPurpose(assignmentId)
    const messageId = await sealIfPossible(agent, { to: assigneeId, typ: 'review.brief', document, purpose })
    if (messageId !== undefined) sealed.set(assigneeId, messageId)
  }
  return sealed
}

/** Seal the briefs of reviewers named after the order was sent. @returns Those who had none; nobody if no order was sent from here. */
export async function briefLateReviewers(agent: Agent, assignmentId: string): Promise<SealedTo> {
  const order = findSentOrder(agent, assignmentId)
  if (!order) return new Map()
  const reviews = await readReviews(agent, assignmentId)
  const late = reviews.filter((review) => !findSent(agent.vault, 'review.brief', briefPurpose(review.assignmentId)))
  return sealBriefs(agent, order.document, late)
}
