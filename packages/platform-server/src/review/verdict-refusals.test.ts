import { expect, test } from 'vitest'
import { acceptWork, giveVerdict, nameReviewer, openJob, signedVerdict, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

/** Work that was handed in, and a reviewer that has accepted. */
async function openReview(options: Parameters<typeof openJob>[1] = {}) {
  const platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 1, ...options })
  await submitWork(job)
  const reviewer = job.reviewers[0] as TestAgent
  await reviewer.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })
  return { platform, job, reviewer, [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose]() }
}

test('before the work is handed in', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 1 })
  await acceptWork(job)
  await job.reviewers[0]?.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })
  const verdict = await signedVerdict(job, 0)

  const { message } = await expectRefusal(platform, 'wrong_state', async () =>
    job.reviewers[0]?.api.review.submitVerdict(verdict),
  )
  expect(message).toBe('the assignment is working')
})

test('before the review is accepted', async () => {
  await using platform = await openTestPlatform()
  const job = await openJob(platform, { reviewers: 1 })
  await submitWork(job)
  const verdict = await signedVerdict(job, 0, { leaseEpoch: 0 })

  await expectRefusal(platform, 'wrong_state', async () => job.reviewers[0]?.api.review.submitVerdict(verdict))
})

test('twice on one attempt, under another key, with the same words and with others', async () => {
  await using review = await openReview({ reviewers: 2 })
  const { platform, job, reviewer } = review
  await reviewer.api.review.submitVerdict(await signedVerdict(job, 0))

  for (const outcome of ['passed', 'failed', 'inconclusive'] as const) {
    const again = await signedVerdict(job, 0, { outcome })
    await expectRefusal(platform, 'already_exists', () => reviewer.api.review.submitVerdict(again))
  }
})

test('after the work was decided', async () => {
  await using review = await openReview()
  await giveVerdict(review.job, 0, 'passed')
  const again = await signedVerdict(review.job, 0, { outcome: 'failed' })

  await expectRefusal(review.platform, 'wrong_state', () => review.reviewer.api.review.submitVerdict(again))
})

test('by everybody else: a stranger, the executor, the buyer, another reviewer of the work', async () => {
  await using review = await openReview({ reviewers: 2 })
  const { platform, job } = review
  const stranger = await platform.agent('stranger')

  for (const signer of [stranger, job.executor, job.buyer, job.reviewers[1] as TestAgent]) {
    const verdict = await signedVerdict(job, 0, { signer })
    await expectRefusal(platform, 'not_found', () => signer.api.review.submitVerdict(verdict))
  }
})

test('under the work instead of the review of it, and under a review of other work', async () => {
  await using review = await openReview()
  const { platform, job, reviewer } = review
  const other = await job.buyer.api.tasks.assign({ taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor' })
  const otherReview = await nameReviewer({ ...job, workId: other.assignment.assignmentId }, reviewer.agentId)

  for (const reviewAssignmentId of [job.workId, otherReview]) {
    const verdict = await signedVerdict(job, 0, { reviewAssignmentId })
    await expectRefusal(platform, 'not_found', () => reviewer.api.review.submitVerdict(verdict))
  }
})

test('signed by another key, or over other words than those that are sent', async () => {
  await using review = await openReview()
  const { platform, job, reviewer } = review
  const forged = await signedVerdict(job, 0, { signer: job.executor })
  const passed = await signedVerdict(job, 0)

  await expectRefusal(platform, 'unauthenticated', () => reviewer.api.review.submitVerdict(forged))
  for (const change of [{ outcome: 'failed' }, { scoreBps: 1 }, { issuedAtMs: 1 }] as const) {
    await expectRefusal(platform, 'unauthenticated', () => reviewer.api.review.submitVerdict({ ...passed, ...change }))
  }
})

test('with a stale or a future epoch, another attempt, or a score that does not belong', async () => {
  await using review = await openReview({ attempts: 2 })
  const { platform, job, reviewer } = review
  const submit = async (spoiled: Parameters<typeof signedVerdict>[2]) =>
    reviewer.api.review.submitVerdict(await signedVerdict(job, 0, spoiled))

  await expectRefusal(platform, 'stale_lease', () => submit({ leaseEpoch: 0 }))
  await expectRefusal(platform, 'stale_lease', () => submit({ leaseEpoch: 2 }))
  await expectRefusal(platform, 'wrong_state', () => submit({ attempt: 2 }))
  await expectRefusal(platform, 'invalid_input', () => submit({ outcome: 'inconclusive', scoreBps: 1 }))
})

test('after the time for verdicts, whether or not the sweep has come by', async () => {
  await using review = await openReview({ reviewWithinMs: 1_000 })
  const { platform, job, reviewer } = review
  const verdict = await signedVerdict(job, 0, { outcome: 'failed' })
  platform.pass(1_001)

  await expectRefusal(platform, 'wrong_state', () => reviewer.api.review.submitVerdict(verdict))
})

test('in the last millisecond of that time it still counts', async () => {
  await using review = await openReview({ reviewWithinMs: 1_000 })
  review.platform.pass(1_000)

  expect((await giveVerdict(review.job, 0, 'failed')).target.state).toBe('failed')
})
