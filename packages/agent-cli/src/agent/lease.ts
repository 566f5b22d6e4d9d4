import type { Assignment } from '@agent-marketplace/protocol'
import { findLease, noteLease } from '../private/leases.ts'
import { withKey } from '../private/pending.ts'
import type { Agent } from './agent.ts'
import { mutate, query } from './call.ts'
import { pinAll } from './pin-all.ts'

/** Accept an assignment; its lease is noted on this machine. */
export function acceptAssignment(agent: Agent, assignmentId: string, key?: string): Promise<Assignment> {
  return mutate(agent, 'tasks.acceptAssignment', { assignmentId }, key).then((assignment) => noted(agent, assignment))
}

/** Extend the lease this machine holds. @throws CliError `stale_lease` if it is somebody else's by now. */
export async function renewLease(agent: Agent, assignmentId: string, key?: string): Promise<Assignment> {
  const leaseEpoch = await leaseEpochOf(agent, assignmentId)
  // Every renewal is a new one: the stored answer to an earlier one would not extend anything.
  const intent = { procedure: 'tasks.renewLease', input: { assignmentId, leaseEpoch }, sameAs: [assignmentId, agent.now()], key }
  return noted(
    agent,
    await withKey(agent, intent, (idempotencyKey, sent) => agent.platform.mutate('tasks.renewLease', sent, { idempotencyKey })),
  )
}

/** Say that the work is ready and was handed over privately. @throws CliError `stale_lease` if the lease is somebody else's by now. */
export async function completeAssignment(agent: Agent, assignmentId: string, key?: string): Promise<Assignment> {
  const leaseEpoch = await leaseEpochOf(agent, assignmentId)
  return mutate(agent, 'tasks.completeAssignment', { assignmentId, leaseEpoch }, key)
}

/**
 * Read an assignment. Whoever works under it takes note of its lease by this, such as the new one of a rework, and pins the other parties.
 *
 * @throws CliError `key_changed` if a party shows another key than the pinned one.
 */
export async function readAssignment(agent: Agent, assignmentId: string): Promise<Assignment> {
  const { assignment, contacts } = await query(agent, 'tasks.getAssignment', { assignmentId })
  await pinAll(agent, contacts)
  return noted(agent, assignment)
}

/** The epoch noted when this machine was given the lease; for a lease it never saw (another machine accepted), the platform's. */
export async function leaseEpochOf(agent: Agent, assignmentId: string): Promise<number> {
  return findLease(agent.vault, assignmentId) ?? (await readAssignment(agent, assignmentId)).leaseEpoch
}

function noted(agent: Agent, assignment: Assignment): Assignment {
  if (assignment.assigneeId === agent.agentId && assignment.leaseEpoch > 0) noteLease(agent.vault, assignment, agent.now())
  return assignment
}

/** The review assignments that target an assignment; their reviewers are pinned. */
export async function listReviews(agent: Agent, targetAssignmentId: string): Promise<Assignment[]> {
  const { assignments, contacts } = await query(agent, 'tasks.listReviewAssignments', { targetAssignmentId })
  await pinAll(agent, contacts)
  return assignments
}
