import { IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { engines } from '../../test/engines.ts'
import { acceptWork, getWork, giveVerdict, moneyOf, openJob, signedVerdict, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { once, sweepReplies } from './operations.ts'

describe('one key', () => {
  test('with the same input is one effect, and the same reply', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const first = await buyer.as('key-1').settlement.deposit({ amount: '5' })
    const before = await digestState(platform)

    expect(await buyer.as('key-1').settlement.deposit({ amount: '5' })).toEqual(first)
    expect(await digestState(platform)).toBe(before)
  })

  test('with other input is refused', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    await buyer.as('key-1').settlement.deposit({ amount: '5' })

    await expectRefusal(platform, 'idempotency_key_reused', () => buyer.as('key-1').settlement.deposit({ amount: '6' }))
  })

  test('belongs to its caller and its procedure', async () => {
    await using platform = await openTestPlatform()
    const [ann, ben] = await Promise.all([platform.agent('ann'), platform.agent('ben')])
    await ann.as('key-1').settlement.deposit({ amount: '5' })
    await ben.as('key-1').settlement.deposit({ amount: '6' })
    await ann.as('key-1').tasks.createTask({})

    expect(await moneyOf(ann, ben)).toEqual({ ann: ['5', '0'], ben: ['6', '0'] })
  })

  test('stands for the parsed input: spelled out or left to its default, in any order, it is the same', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const { taskId } = await buyer.as('key-1').tasks.createTask({})

    expect(await buyer.as('key-1').tasks.createTask({ buyerMayReview: false, reviewRule: 'unanimous' })).toEqual({ taskId })
    await expectRefusal(platform, 'idempotency_key_reused', () => buyer.as('key-1').tasks.createTask({ reviewRule: 'majority' }))
  })

  test('is forgotten after seven days', async () => {
    await using platform = await openTestPlatform()
    const call = { callerId: 'ann', procedure: 'test', key: 'key-1' }
    const { deps } = platform
    const first = await once(deps, call, {}, async () => 1)
    platform.pass(IDEMPOTENCY_KEPT_MS)
    expect(await sweepReplies(deps)).toBe(0)
    expect(await once(deps, call, {}, async () => 2)).toBe(first)
    platform.pass(1)

    expect(await sweepReplies(deps)).toBe(1)
    expect(await once(deps, call, {}, async () => 2)).toBe(2)
  })
})

describe('a refused attempt', () => {
  test('stores nothing, so its key can be used once the reason is gone', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false })
    const accept = () => job.executor.as('key-1').tasks.acceptAssignment({ assignmentId: job.workId })

    await expectRefusal(platform, 'assignment_not_funded', accept)
    await job.buyer.api.tasks.hold({ assignmentId: job.workId })
    expect((await accept()).state).toBe('working')
  })

  test('and a failed one too, also when it failed after its effect', async () => {
    await using platform = await openTestPlatform()
    const call = { callerId: 'ann', procedure: 'test', key: 'key-1' }
    const before = await digestState(platform)
    const failed = once(platform.deps, call, {}, async (tx) => {
      await tx.run(`INSERT INTO accounts (account, balance_micro) VALUES ('available:ann', 1)`)
      throw new Error('a fault')
    })

    await expect(failed).rejects.toThrow('a fault')
    expect(await digestState(platform)).toBe(before)
    expect(await once(platform.deps, call, {}, async () => 'done')).toBe('done')
  })
})

describe('a reply', () => {
  test('is the one that was given, also when the world has moved on', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1, attempts: 2 })
    const accept = () => job.executor.as('key-1').tasks.acceptAssignment({ assignmentId: job.workId })
    const accepted = await accept()
    await submitWork(job)
    const [reviewer] = job.reviewers as [TestAgent]
    await reviewer.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    const verdict = await signedVerdict(job, 0, { outcome: 'failed' })
    const receipt = await reviewer.as('key-2').review.submitVerdict(verdict)
    await submitWork(job)
    await giveVerdict(job, 0, 'passed')

    expect(await accept()).toEqual(accepted)
    expect(await reviewer.as('key-2').review.submitVerdict(verdict)).toEqual(receipt)
    expect((await getWork(job)).state).toBe('passed')
  })

  test('of a mutation whose assignment was taken from the caller is still its reply', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const accepted = await job.executor.as('key-1').tasks.acceptAssignment({ assignmentId: job.workId })
    await expectRefusal(platform, 'wrong_state', () => acceptWork(job))

    expect(await job.executor.as('key-1').tasks.acceptAssignment({ assignmentId: job.workId })).toEqual(accepted)
  })
})

describe.each(engines)('32 senders at once, on $name', (engine) => {
  const senders = Array.from({ length: 32 }, (_, index) => index)

  test('with one key and one input: one effect, 32 times the same reply', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const buyer = await platform.agent('buyer')
    const replies = await Promise.all(senders.map(() => buyer.as('key-1').settlement.deposit({ amount: '5' })))

    expect(new Set(replies.map((each) => JSON.stringify(each))).size).toBe(1)
    expect(await moneyOf(buyer)).toEqual({ buyer: ['5', '0'] })
  })

  test('with one key for something that can be done once: all are told that it was done', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    const accepted = await Promise.all(
      senders.map(() => job.executor.as('key-1').tasks.acceptAssignment({ assignmentId: job.workId })),
    )

    expect(new Set(accepted.map((each) => each.leaseEpoch))).toEqual(new Set([1]))
    expect((await getWork(job)).leaseEpoch).toBe(1)
  })

  test('with one key and different inputs: one of them has its effect, the others are refused', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const buyer = await platform.agent('buyer')
    const results = await Promise.allSettled(
      senders.map((index) => buyer.as('key-1').settlement.deposit({ amount: String(index + 1) })),
    )
    const [done, ...more] = results.filter((each) => each.status === 'fulfilled')

    expect(more).toEqual([])
    expect((await buyer.api.settlement.balance({})).available).toBe(done?.value.available)
  })

  test('each with a key of its own: 32 effects', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const buyer = await platform.agent('buyer')
    await Promise.all(senders.map((index) => buyer.as(`key-${index}`).settlement.deposit({ amount: '1' })))

    expect(await moneyOf(buyer)).toEqual({ buyer: ['32', '0'] })
  })
})
