import { AssignmentId, type AssignmentView, formatAmount, type Offer } from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { notFound } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { lockAgent } from '../identity/operations.ts'
import { cutPage, readCursor } from '../page.ts'
import { getEngageable, listOffered } from '../registry/operations.ts'
import { namePayee } from '../settlement/operations.ts'
import type { Tx } from '../storage/database.ts'
import { announce } from './assign.ts'
import { getRecord, lockAssignment } from './assignment-life.ts'
import { viewOf } from './assignment-operations.ts'
import { findAssignment, listReviewsOf } from './assignment-store.ts'
import { checkAssigneeCapacity } from './capacity.ts'
import { type Claimant, findClaimable, listClaimable } from './offer-store.ts'
import { type AssignmentRecord, isOpen, requireState } from './rules.ts'
import { admit } from './task-operations.ts'
import { lockTask } from './task-store.ts'
import { takeOffer } from './transition-store.ts'

/** Open offers that the caller could claim, oldest first. None for an agent that is not active. */
export async function listOffers(
  deps: Deps,
  agentId: string,
  { capability, limit, cursor }: { capability?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<{ offers: Offer[]; nextCursor?: string }> {
  const [after] = readCursor(z.tuple([AssignmentId]), cursor) ?? ['']
  const rows = await deps.db.read(async (reader) => {
    const offered = (await listOffered(reader, agentId)).filter((name) => capability === undefined || name === capability)
    const found: AssignmentRecord[] = []
    // One capability at a time, each along its index: the cost does not grow with the offers of others.
    for (const name of offered) {
      found.push(...(await listClaimable(reader, { agentId, nowMs: deps.now() }, { capability: name, after, limit: limit + 1 })))
    }
    return found.sort((a, b) => (a.assignmentId < b.assignmentId ? -1 : 1)).slice(0, limit + 1)
  })
  const { items, ...next } = cutPage(rows, limit, (row) => [row.assignmentId])
  return { offers: items.map(offerOf), ...next }
}

/**
 * Take an open offer: the first one gets it, and its hold is for that agent from then on. It is accepted or declined like any other assignment.
 *
 * @throws Refusal `not_found` for whatever is not on offer to this agent, or not any more; `capacity_exceeded`; `wrong_state` for an assignment it has already.
 */
export function claimOffer(deps: Deps, call: Call, assignmentId: string): Promise<AssignmentView> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const agentId = call.callerId
    const nowMs = deps.now()
    const { taskId, capability } = await lockOffer(tx, { agentId, nowMs }, assignmentId)
    await checkAssigneeCapacity(tx, await getEngageable(tx, agentId, capability), capability)
    if (!(await takeOffer(tx, assignmentId, { assigneeId: agentId, nowMs }))) throw notFound('offer')
    await admit(tx, taskId, agentId)
    await namePayee(deps, tx, { assignmentId, taskId, payeeId: agentId })
    const claimed = await getRecord(tx, assignmentId)
    await announceClaim(deps, tx, claimed)
    return viewOf(deps, tx, agentId, claimed)
  })
}

/** The same answer for an offer that never was, that is gone, and that is not for this agent. */
async function lockOffer(tx: Tx, claimant: Claimant, assignmentId: string): Promise<AssignmentRecord> {
  const known = await findAssignment(tx, assignmentId)
  if (!known) throw notFound('offer')
  await lockTask(tx, known.taskId)
  await lockAgent(tx, claimant.agentId)
  const record = await lockAssignment(tx, assignmentId)
  if (record?.assigneeId === claimant.agentId) requireState(record, 'offered')
  const offer = await findClaimable(tx, claimant, assignmentId)
  const offered = await listOffered(tx, claimant.agentId)
  if (!offer?.capability || !offered.includes(offer.capability)) throw notFound('offer')
  return offer
}

/** As when it had been assigned; and whoever claims work learns who reviews it. */
async function announceClaim(deps: Deps, tx: Tx, claimed: AssignmentRecord): Promise<void> {
  const { assignmentId, taskId, assigneeId, targetAssignmentId } = claimed
  await announce(deps, tx, claimed, targetAssignmentId ? await getRecord(tx, targetAssignmentId) : undefined)
  for (const review of (await listReviewsOf(tx, assignmentId)).filter(isOpen)) {
    const ids = { taskId, assignmentId: review.assignmentId, targetAssignmentId: assignmentId }
    if (review.assigneeId) await appendEvents(deps, tx, [assigneeId], { kind: 'review.assigned', ...ids })
  }
}

/** What an offer shows: nothing of its buyer, its task or the work. */
function offerOf(record: AssignmentRecord): Offer {
  const { assignmentId, kind, capability, priceMicro, acceptByMs, leaseMs, reviewWithinMs, maxAttempts, minReputationBps } =
    record
  if (capability === undefined) throw new Error('an offer names a capability')
  return {
    assignmentId,
    kind,
    capability,
    price: formatAmount(priceMicro),
    acceptByMs,
    leaseMs,
    reviewWithinMs,
    maxAttempts,
    ...(minReputationBps !== undefined && { minReputation: minReputationBps }),
  }
}
