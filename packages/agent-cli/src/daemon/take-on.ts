import type { Assignment } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'
import { mutate } from '../agent/call.ts'
import { CliError } from '../agent/cli-error.ts'
import { findOrder } from '../agent/find-order.ts'
import { acceptAssignment } from '../agent/lease.ts'
import { sealDocument } from '../agent/seal-document.ts'
import { type Job, moveJob } from '../private/jobs.ts'
import { forgetTaken, noteTaken, workDone } from '../private/work-log.ts'
import type { Daemon } from './daemon-context.ts'
import { findPolicyRefusal } from './policy.ts'
import { findOrderFault } from './run-work.ts'
import type { StepContext } from './step.ts'

/**
 * Accept an assignment, or decline it where the policy of this machine does not want it or its order cannot be worked on. What was accepted by hand is
 * taken on as it is.
 *
 * @param attempt - Of the work, which a review follows.
 * @returns The job, waiting for what it needs; `undefined` if it is over, or nothing can be done for now.
 */
export async function takeOn(context: StepContext, job: Job, assignment: Assignment, attempt: number): Promise<Job | undefined> {
  const { agent, emit } = context.daemon
  const { assignmentId, kind } = job
  if (assignment.state === 'assigned') {
    const refusal = findRefusal(context.daemon, assignment)
    if (refusal !== undefined) return decline(context.daemon, job, assignment, refusal)
    if (kind === 'execute' && !context.takeRoom(assignment)) return undefined
    if (!(await accept(agent, job))) return undefined
    emit('accepted', { assignmentId, kind })
  }
  if (kind === 'execute') noteTaken(agent.vault, assignmentId, agent.now())
  return moveJob(agent.vault, job, { state: 'waiting', attempt }, agent.now())
}

/** Tell the buyer, sealed, why nothing more is done about an attempt. */
export async function tellDeclined(
  agent: Agent,
  { assignmentId, attempt }: Job,
  assignment: Assignment,
  reason: string,
): Promise<void> {
  const ref = findOrder(agent, assignment)?.hash
  const document = { v: 1 as const, assignmentId, ...(ref !== undefined && { ref }), reason }
  const purpose = `order.decline ${assignmentId} ${attempt}`
  await sealDocument(agent, { to: assignment.buyerId, typ: 'order.decline', document, purpose })
}

function findRefusal({ agent, policy }: Daemon, assignment: Assignment): string | undefined {
  const done = workDone(agent.vault, agent.now(), assignment.assignmentId)
  const refusal = findPolicyRefusal(policy(), assignment, done)
  if (refusal !== undefined || assignment.kind === 'review') return refusal
  // One that came early; one that comes later is looked at then.
  return findOrderFault(findOrder(agent, assignment)?.document.artifacts ?? [], policy())
}

/** @returns `false` while its money is still to come: a later event says so. */
async function accept(agent: Agent, { assignmentId, kind }: Job): Promise<boolean> {
  // Before the answer: others are being decided on meanwhile, within the same budget.
  if (kind === 'execute') noteTaken(agent.vault, assignmentId, agent.now())
  try {
    await acceptAssignment(agent, assignmentId)
    return true
  } catch (error) {
    forgetTaken(agent.vault, assignmentId)
    if (error instanceof CliError && error.code === 'assignment_not_funded') return false
    throw error
  }
}

/** Refused while that is still possible, so that the buyer can ask somebody else at once. */
async function decline({ agent, emit }: Daemon, job: Job, assignment: Assignment, reason: string): Promise<undefined> {
  const { assignmentId, kind } = job
  await mutate(agent, 'tasks.declineAssignment', { assignmentId })
  if (kind === 'execute') await tellDeclined(agent, job, assignment, reason)
  emit('declined', { assignmentId, kind, reason })
  moveJob(agent.vault, job, { state: 'ended' }, agent.now())
}
