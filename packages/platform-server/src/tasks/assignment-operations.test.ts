import { toBase64url, type VerdictStatement, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import { expect, test } from 'vitest'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'

test('a job that passes pays the executor and the reviewer and nobody else', async () => {
  await using platform = await openTestPlatform()
  const buyer = await platform.agent('buyer', { credits: '100' })
  const executor = await platform.agent('executor', { capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] })
  const reviewer = await platform.agent('reviewer', { capabilities: [{ name: 'review.json', maxConcurrency: 1 }] })
  const found = await buyer.api.discovery.discover({ capability: 'text.extract' })
  expect(found.candidates.map((each) => each.agentId)).toEqual(['executor'])
  const { taskId } = await buyer.api.tasks.createTask({})
  const work = await buyer.api.tasks.assign({
    taskId,
    assigneeAgentId: 'executor',
    kind: 'execute',
    capability: 'text.extract',
    price: '10',
  })
  const { assignmentId } = work.assignment
  const review = await buyer.api.tasks.assign({
    taskId,
    assigneeAgentId: 'reviewer',
    kind: 'review',
    targetAssignmentId: assignmentId,
    price: '1',
  })
  expect(await buyer.api.settlement.balance({})).toEqual({ available: '89', held: '11' })
  const { leaseEpoch } = await executor.api.tasks.acceptAssignment({ assignmentId })
  await executor.api.tasks.completeAssignment({ assignmentId, leaseEpoch })
  const accepted = await reviewer.api.tasks.acceptAssignment({ assignmentId: review.assignment.assignmentId })
  const statement: VerdictStatement = {
    reviewAssignmentId: accepted.assignmentId,
    targetAssignmentId: assignmentId,
    attempt: 1,
    outcome: 'passed',
    scoreBps: 9500,
    issuedAtMs: 0,
  }
  const receipt = await reviewer.api.review.submitVerdict({
    ...statement,
    leaseEpoch: accepted.leaseEpoch,
    signature: signVerdict(reviewer, statement),
  })
  expect(receipt.target).toEqual({ assignmentId, state: 'passed', attempt: 1 })
  expect(await buyer.api.settlement.balance({})).toEqual({ available: '89', held: '0' })
  expect(await executor.api.settlement.balance({})).toEqual({ available: '10', held: '0' })
  expect(await reviewer.api.settlement.balance({})).toEqual({ available: '1', held: '0' })
})

function signVerdict(reviewer: TestAgent, statement: VerdictStatement): string {
  return toBase64url(sign('verdict', verdictBytes(statement), reviewer.keys.secretKey))
}
