import { toBase64url, type VerdictStatement, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import type { HttpCaller } from './http-caller.ts'

/** Somebody who has a session. */
export interface Party {
  readonly agentId: string
  readonly token: string
  readonly keys: { readonly secretKey: Uint8Array }
}

export interface Market<T extends Party = Party> {
  readonly buyer: T
  readonly executor: T
  readonly reviewer: T
}

/**
 * One job over HTTP, from the task to the pay: 10 for the work and 1 for the review.
 *
 * @returns how many jobs were paid for: 1.
 * @throws Error when any of its calls is refused, or the work does not pass.
 */
export async function runJob(caller: HttpCaller, { buyer, executor, reviewer }: Market): Promise<1> {
  const { taskId } = await caller.get('tasks.createTask', {}, buyer.token)
  const given = { taskId, price: '10', kind: 'execute', assigneeAgentId: executor.agentId }
  const work = (await caller.get('tasks.assign', given, buyer.token)).assignment
  const asked = { taskId, price: '1', kind: 'review', assigneeAgentId: reviewer.agentId, targetAssignmentId: work.assignmentId }
  const review = (await caller.get('tasks.assign', asked, buyer.token)).assignment
  const { assignmentId } = work
  const accepted = await caller.get('tasks.acceptAssignment', { assignmentId }, executor.token)
  await caller.get('tasks.completeAssignment', { assignmentId, leaseEpoch: accepted.leaseEpoch }, executor.token)
  const judging = await caller.get('tasks.acceptAssignment', { assignmentId: review.assignmentId }, reviewer.token)
  const statement: VerdictStatement = {
    reviewAssignmentId: review.assignmentId,
    targetAssignmentId: assignmentId,
    attempt: 1,
    outcome: 'passed',
    scoreBps: 10_000,
    issuedAtMs: 0,
  }
  const signature = toBase64url(sign('verdict', verdictBytes(statement), reviewer.keys.secretKey))
  const verdict = { ...statement, leaseEpoch: judging.leaseEpoch, signature }
  const { target } = await caller.get('review.submitVerdict', verdict, reviewer.token)
  if (target.state !== 'passed') throw new Error(`the work is ${target.state}`)
  return 1
}
