import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import {
  ACCEPT_WITHIN_MS,
  acceptWork,
  getReview,
  getWork,
  giveVerdict,
  type Job,
  LEASE_MS,
  moneyOf,
  openJob,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectOrder, race, sixteen } from '../../test/racing.ts'
import { sweepWork } from '../review/operations.ts'

const work = ({ workId }: Job) => ({ assignmentId: workId })

describe.each(engines)('two who exclude each other, on $name', (engine) => {
  test('accepting against cancelling', async () => {
    for (const order of [0, 1]) {
      await using platform = await openTestPlatform([], {}, { engine })
      const job = await openJob(platform)
      const racers = [() => acceptWork(job), () => job.buyer.api.tasks.cancelAssignment(work(job))]
      const { won } = await race(order ? racers : racers.reverse())

      expect(won).toHaveLength(1)
      expect(['working', 'cancelled']).toContain((await getWork(job)).state)
      await expectOrder(job)
    }
  })

  test('claiming against taking the offer back and against its end', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    const given = {
      taskId: job.taskId,
      kind: 'execute',
      capability: 'text.extract',
      price: '1',
      acceptWithinMs: ACCEPT_WITHIN_MS,
    } as const
    const offered = await Promise.all(Array.from({ length: 8 }, () => job.buyer.api.tasks.assign(given)))
    const { won } = await race(
      offered.flatMap(({ assignment: { assignmentId } }) => [
        () => job.executor.api.tasks.claimOffer({ assignmentId }),
        () => job.buyer.api.tasks.cancelAssignment({ assignmentId }),
      ]),
    )

    expect(won.length).toBeGreaterThanOrEqual(offered.length)
    await expectOrder(job)
  })

  test('accepting, at the last moment, against expiring: work that began is not taken away', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    platform.pass(ACCEPT_WITHIN_MS)
    const accepting = acceptWork(job)
    const { won } = await race(sixteen(() => sweepWork(platform.deps)))
    await accepting

    expect(won).toEqual(Array.from({ length: 16 }, () => 0))
    expect((await getWork(job)).state).toBe('working')
  })

  test('renewing a lapsed lease against the sweep and the buyer: one of three', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform)
    const { leaseEpoch } = await acceptWork(job)
    platform.pass(LEASE_MS + 1)
    const { refused } = await race([
      () => job.executor.api.tasks.renewLease({ ...work(job), leaseEpoch }),
      () => sweepWork(platform.deps),
      () => job.buyer.api.tasks.cancelAssignment(work(job)),
    ])

    expect(refused.length).toBeGreaterThanOrEqual(1)
    expect(['working', 'expired', 'cancelled']).toContain((await getWork(job)).state)
    await expectOrder(job)
  })

  test('the verdicts of a whole panel at once: decided once, and everybody who spoke is paid once', async () => {
    await using platform = await openTestPlatform([], {}, { engine })
    const job = await openJob(platform, { reviewers: 5 })
    await submitWork(job)
    for (const [index, reviewer] of job.reviewers.entries()) {
      await reviewer.api.tasks.acceptAssignment({ assignmentId: job.reviewIds[index] ?? '' })
    }
    const { won } = await race(job.reviewers.map((_, index) => () => giveVerdict(job, index, 'passed')))

    expect(won).toHaveLength(5)
    expect([await getWork(job), await getReview(job, 4)].map((each) => each.state)).toEqual(['passed', 'passed'])
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['85', '0'], executor: ['10', '0'] })
    await expectOrder(job)
  })

  test('a new reviewer against the decision: no review outlives the work it reviews', async () => {
    for (const order of [0, 1]) {
      await using platform = await openTestPlatform([], {}, { engine })
      const job = await openJob(platform, { reviewers: 1 })
      await submitWork(job)
      // Work whose reviewers have all gone is the buyer's to approve, or to give to others.
      await job.reviewers[0]?.api.tasks.declineAssignment({ assignmentId: job.reviewIds[0] ?? '' })
      const late = await Promise.all(Array.from({ length: 4 }, (_, index) => platform.agent(`late-${index}`)))
      const review = { taskId: job.taskId, kind: 'review', targetAssignmentId: job.workId, price: '1' } as const
      const racers: (() => Promise<unknown>)[] = [
        ...late.map(
          ({ agentId }) =>
            () =>
              job.buyer.api.tasks.assign({ ...review, assigneeAgentId: agentId }),
        ),
        () => job.buyer.api.tasks.approveAssignment(work(job)),
        () => job.buyer.api.tasks.completeTask({ taskId: job.taskId }),
      ]
      const { won } = await race(order ? racers : racers.reverse())

      const { assignments } = await job.buyer.api.tasks.getTask({ taskId: job.taskId })
      const open = assignments.filter((each) => each.kind === 'review' && each.state === 'assigned').length
      const target = assignments.find((each) => each.assignmentId === job.workId)
      expect(won).not.toEqual([])
      if (target?.state === 'passed') expect(open).toBe(0)
      else expect([target?.state, open]).toEqual(['submitted', 4])
      await expectOrder(job)
    }
  })
})
