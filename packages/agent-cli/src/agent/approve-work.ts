import type { Assignment } from '@agent-marketplace/protocol'
import { findDocuments } from '../private/inbox.ts'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'
import { CliError } from './cli-error.ts'
import { deliverNow, type Held } from './deliver-outbox.ts'
import { assigneeOf, readReviews } from './handoff-parties.ts'
import { readAssignment } from './lease.ts'
import { listVerdicts } from './list-verdicts.ts'
import { sealDocument } from './seal-document.ts'

/** The assignment that passed; `dueAtMs` as long as the word to its executor rests. */
export type Approval = Assignment & Held

/**
 * Take work as passed that nobody reviews any more. Where reviewers had been named, its executor is told under the buyer's signature: it would not take the
 * platform's word for a pass that no verdict shows. Repeated, it finishes what is left to do.
 *
 * @throws CliError `wrong_state` unless it was handed in, `forbidden` for anybody but the buyer, `unreachable` and the like.
 */
export async function approveWork(
  agent: Agent,
  { assignmentId, key }: { assignmentId: string; key?: string | undefined },
): Promise<Approval> {
  const approved = await approve(agent, assignmentId, key)
  const { attempt } = approved
  if ((await readReviews(agent, assignmentId)).length === 0) return approved
  const executor = assigneeOf(approved)
  const announced = findDocuments(agent.vault, 'work.ready', { assignmentId, from: executor }).find(
    ({ document }) => document.attempt === attempt,
  )
  const document = { v: 1 as const, assignmentId, attempt, ...(announced && { ref: announced.hash }) }
  const purpose = `work.approve ${assignmentId} ${attempt}`
  const messageId = await sealDocument(agent, { to: executor, typ: 'work.approve', document, purpose })
  return { ...approved, ...(await deliverNow(agent, [messageId])) }
}

/** What passed without a verdict may have been approved by this agent just before it was interrupted. */
async function approve(agent: Agent, assignmentId: string, key: string | undefined): Promise<Assignment> {
  try {
    return await mutate(agent, 'tasks.approveAssignment', { assignmentId }, key)
  } catch (error) {
    if (!(error instanceof CliError && error.code === 'wrong_state')) throw error
    const assignment = await readAssignment(agent, assignmentId)
    const isOwn = assignment.state === 'passed' && assignment.kind === 'execute' && assignment.buyerId === agent.agentId
    if (!isOwn || (await readReviews(agent, assignmentId)).length === 0) throw error
    const { verdicts } = await listVerdicts(agent, assignmentId)
    if (verdicts.some(({ attempt, outcome }) => attempt === assignment.attempt && outcome !== 'inconclusive')) throw error
    return assignment
  }
}
