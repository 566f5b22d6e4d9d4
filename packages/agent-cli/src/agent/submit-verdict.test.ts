import { fromBase64url, type SubmitVerdictInput, verdictBytes } from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import { expect, test } from 'vitest'
import { makeAssignment, openTestAgent, TEST_ASSIGNMENT_ID, TEST_TARGET_ID } from '../test-agent.ts'
import { CutConnection, startTestPlatform, type TestPlatform } from '../test-platform.ts'
import { submitVerdict } from './submit-verdict.ts'

const review = makeAssignment({ kind: 'review', targetAssignmentId: TEST_TARGET_ID, leaseEpoch: 4 })
const target = makeAssignment({ assignmentId: TEST_TARGET_ID, assigneeId: 'executor', state: 'submitted', attempt: 2 })

const startReviewed = (submit: () => void = () => undefined) =>
  startTestPlatform({
    'tasks.getAssignment': ({ input }) => ({
      assignment: (input as { assignmentId: string }).assignmentId === TEST_TARGET_ID ? target : review,
      contacts: [],
    }),
    'review.submitVerdict': ({ input }) => {
      submit()
      const { outcome } = input as SubmitVerdictInput
      return {
        verdictId: `ver_${'0'.repeat(26)}`,
        outcome,
        target: { assignmentId: TEST_TARGET_ID, state: 'passed', attempt: 2 },
      }
    },
  })
const sentTo = ({ asked }: TestPlatform) => asked.filter(({ name }) => name === 'review.submitVerdict')

test('a verdict is signed by the reviewer over the attempt of the target', async () => {
  await using server = await startReviewed()
  using opened = openTestAgent(server)
  const { agent } = opened
  const receipt = await submitVerdict(agent, { reviewAssignmentId: TEST_ASSIGNMENT_ID, outcome: 'passed', scoreBps: 9_500 })

  expect(receipt).toMatchObject({ outcome: 'passed', target: { assignmentId: TEST_TARGET_ID, state: 'passed' } })
  const sent = sentTo(server)[0]?.input as SubmitVerdictInput
  expect(sent).toMatchObject({
    reviewAssignmentId: TEST_ASSIGNMENT_ID,
    targetAssignmentId: TEST_TARGET_ID,
    attempt: 2,
    scoreBps: 9_500,
    leaseEpoch: 4,
  })
  expect(verify('verdict', verdictBytes(sent), fromBase64url(sent.signature)!, agent.keyring.signKey.publicKey)).toBe(true)
})

test('after a lost reply the same command sends the same signed statement under the same key', async () => {
  let isLost = true
  await using server = await startReviewed(() => {
    if (isLost) throw new CutConnection()
  })
  using opened = openTestAgent(server)
  const verdict = { reviewAssignmentId: TEST_ASSIGNMENT_ID, outcome: 'failed', scoreBps: 100 } as const
  await expect(submitVerdict(opened.impatient(1_000), verdict)).rejects.toMatchObject({ code: 'unreachable' })
  isLost = false
  await submitVerdict(opened.agent, verdict)

  const [first, ...more] = sentTo(server)
  expect(more.length).toBeGreaterThan(0)
  for (const sent of more) expect(sent).toEqual(first)
})

test.each([
  [{ outcome: 'passed' }, /needs a score/],
  [{ outcome: 'failed' }, /needs a score/],
  [{ outcome: 'inconclusive', scoreBps: 1 }, /has no score/],
] as const)('%o is refused before anything is sent', async (verdict, message) => {
  await using server = await startReviewed()
  using opened = openTestAgent(server)
  const submitting = submitVerdict(opened.agent, { reviewAssignmentId: TEST_ASSIGNMENT_ID, ...verdict })
  await expect(submitting).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
  expect(server.asked).toEqual([])
})

test('work that is not a review takes no verdict', async () => {
  await using server = await startReviewed()
  using opened = openTestAgent(server)
  await expect(
    submitVerdict(opened.agent, { reviewAssignmentId: TEST_TARGET_ID, outcome: 'inconclusive' }),
  ).rejects.toMatchObject({ code: 'wrong_state' })
  expect(sentTo(server)).toEqual([])
})
