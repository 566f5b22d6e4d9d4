import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { acceptWork, getWork, type Job, moneyOf, openJob, REVIEW_WITHIN_MS, signedVerdict, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { expectOrder, race, sixteen } from '../../test/racing.ts'
import { sweepWork } from '../review/operations.ts'

const work = ({ workId }: Job) => ({ assignmentId: workId })

describe.each(engines)('16 racers, one winner, on $name', (engine) => {
  test('accepting one assignment', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    const { won, refused } = await race(sixteen(() => acceptWork(job)))

    expect(won).toHaveLength(1)
    expect(new Set(refused)).toEqual(new Set(['wrong_state']))
    expect((await getWork(job)).leaseEpoch).toBe(1)
  })

  test('approving one piece of work: it is paid once', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    await submitWork(job)
    const { won } = await race(sixteen(() => job.buyer.api.tasks.approveAssignment(work(job))))

    expect(won).toHaveLength(1)
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
    await expectOrder(job)
  })

  test('taking back one hold: it is released once', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    const { holds } = await job.buyer.api.settlement.listHolds({})
    const { won, refused } = await race(sixteen(() => job.buyer.api.tasks.refund({ holdId: holds[0]?.holdId ?? '' })))

    expect(won).toHaveLength(1)
    expect(new Set(refused)).toEqual(new Set(['already_settled']))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('funding one assignment: it is held once', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { fund: false })
    const { won } = await race(sixteen(() => job.buyer.api.tasks.hold(work(job))))

    expect(won).toHaveLength(1)
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['90', '10'] })
  })

  test('spending one balance: what is there is held, and not more', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { credits: '40', price: '10' })
    const given = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', price: '10' } as const
    const { won, refused } = await race(sixteen(() => job.buyer.api.tasks.assign(given)))

    expect(won).toHaveLength(3)
    expect(refused).toEqual(Array.from({ length: 13 }, () => 'insufficient_funds'))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['0', '40'] })
    await expectOrder(job)
  })

  test('taking the last place of a capability', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    await job.executor.api.registry.declareCapabilities({ capabilities: [{ name: 'text.extract', maxConcurrency: 2 }] })
    const given = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', capability: 'text.extract' } as const

    expect((await race(sixteen(() => job.buyer.api.tasks.assign(given)))).won).toHaveLength(1)
  })

  test('settling decided work: nothing is paid again', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    await submitWork(job)
    platform.pass(REVIEW_WITHIN_MS + 1)
    const settle = () => job.executor.api.review.settle(work(job))
    const { won } = await race([...sixteen(settle), () => sweepWork(platform.deps)])

    expect(won).toHaveLength(17)
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
    await expectOrder(job)
  })

  test('16 verdicts of one reviewer under keys of their own: one counts', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    const [reviewer] = job.reviewers as [TestAgent]
    await reviewer.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[0] ?? '' })
    const verdict = await signedVerdict(job, 0)

    expect((await race(sixteen(() => reviewer.api.review.submitVerdict(verdict)))).won).toHaveLength(1)
    expect(await moneyOf(job.executor, reviewer)).toEqual({ executor: ['10', '0'], 'reviewer-1': ['1', '0'] })
    await expectOrder(job)
  })
})
