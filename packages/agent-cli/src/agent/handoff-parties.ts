import type { Assignment } from '@agent-marketplace/protocol'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'
import { pinAll } from './pin-all.ts'

/** The review assignments that target one, ended ones too; their agents pinned. */
export async function readReviews(agent: Agent, targetAssignmentId: string): Promise<Assignment[]> {
  const { assignments, contacts } = await query(agent, 'tasks.listReviewAssignments', { targetAssignmentId })
  await pinAll(agent, contacts)
  return assignments
}

/** An assignment whose reviewer or executor may still act on it. */
export function isOpen({ state }: Assignment): boolean {
  return state === 'offered' || state === 'assigned' || state === 'working' || state === 'submitted'
}

/** @throws CliError `forbidden` unless the caller is who this is for. */
export function refuseUnless(isAllowed: boolean, message: string): void {
  if (!isAllowed) throw new CliError('forbidden', message)
}

/** The assignee of an assignment somebody has. @throws CliError `wrong_state` for an open offer. */
export function assigneeOf({ assigneeId, state }: Assignment): string {
  if (assigneeId === undefined) throw new CliError('wrong_state', `nobody has this assignment yet: it is ${state}`)
  return assigneeId
}
