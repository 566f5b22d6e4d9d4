import { describe, expect, test } from 'vitest'
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
  REVIEW_WITHIN_MS,
  signedVerdict,
  submitWork,
} from '../../test/jobs.ts'
import { openTestPlatform, type TestAgent } from '../../test/platform.ts'
import { sweepWork } from '../review/operations.ts'
import { verifyLedger } from '../settlement/operations.ts'

/** Let them all go at once. @returns what came of each: its value, or the code it was refused with. */
async function race(racers: readonly (() => Promise<unknown>)[]): Promise<{ won: unknown[]; refused: string[] }> {
  const results = await Promise.allSettled(racers.map((each) => each()))
  return {
    won: results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    refused: results
      .flatMap((each) => (each.status === 'rejected' ? [each.reason.cause?.code ?? String(each.reason)] : []))
      .sort(),
  }
}

/** What must hold whoever won: the ledger adds up, and nothing is held for work that has ended. */
async function expectOrder(job: Job): Promise<void> {
  const { deps } = job.platform
  expect((await deps.db.read(verifyLedger)).fault).toBeUndefined()
  const trapped = await deps.db.read((reader) =>
    reader.all(`SELECT h.hold_id FROM holds h JOIN assignments a ON a.assignment_id = h.assignment_id
                WHERE h.state = 'active' AND a.state NOT IN ('offered', 'assigned', 'working', 'submitted')`),
  )
  expect(trapped).toEqual([])
}

const sixteen = <T>(racer: () => Promise<T>) => Array.from({ length: 16 }, () => racer)
const work = ({ workId }: Job) => ({ assignmentId: workId })

describe('16 racers, one winner', () => {
  test('accepting one assignment', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { won, refused } = await race(sixteen(() => acceptWork(job)))

    expect(won).toHaveLength(1)
    expect(new Set(refused)).toEqual(new Set(['wrong_state']))
    expect((await getWork(job)).leaseEpoch).toBe(1)
  })

  test('approving one piece of work: it is paid once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)
    const { won } = await race(sixteen(() => job.buyer.api.tasks.approveAssignment(work(job))))

    expect(won).toHaveLength(1)
    expect(await moneyOf(job.buyer, job.executor)).toEqual({ buyer: ['90', '0'], executor: ['10', '0'] })
    await expectOrder(job)
  })

  test('taking back one hold: it is released once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    const { holds } = await job.buyer.api.settlement.listHolds({})
    const { won, refused } = await race(sixteen(() => job.buyer.api.tasks.refund({ holdId: holds[0]?.holdId ?? '' })))

    expect(won).toHaveLength(1)
    expect(new Set(refused)).toEqual(new Set(['already_settled']))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })
  })

  test('funding one assignment: it is held once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false })
    const { won } = await race(sixteen(() => job.buyer.api.tasks.hold(work(job))))

    expect(won).toHaveLength(1)
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['90', '10'] })
  })

  test('spending one balance: what is there is held, and not more', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { credits: '40', price: '10' })
    const given = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', price: '10' } as const
    const { won, refused } = await race(sixteen(() => job.buyer.api.tasks.assign(given)))

    expect(won).toHaveLength(3)
    expect(refused).toEqual(Array.from({ length: 13 }, () => 'insufficient_funds'))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['0', '40'] })
    await expectOrder(job)
  })

  test('taking the last place of a capability', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await job.executor.api.registry.declareCapabilities({ capabilities: [{ name: 'text.extract', maxConcurrency: 2 }] })
    const given = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', capability: 'text.extract' } as const

    expect((await race(sixteen(() => job.buyer.api.tasks.assign(given)))).won).toHaveLength(1)
  })

  test('settling decided work: nothing is paid again', async () => {
    await using platform = await openTestPlatform()
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
    await using platform = await openTestPlatform()
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

describe('two who exclude each other', () => {
  test('accepting against cancelling', async () => {
    for (const order of [0, 1]) {
      await using platform = await openTestPlatform()
      const job = await openJob(platform)
      const racers = [() => acceptWork(job), () => job.buyer.api.tasks.cancelAssignment(work(job))]
      const { won } = await race(order ? racers : racers.reverse())

      expect(won).toHaveLength(1)
      expect(['working', 'cancelled']).toContain((await getWork(job)).state)
      await expectOrder(job)
    }
  })

  test('claiming against taking the offer back and against its end', async () => {
    await using platform = await openTestPlatform()
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
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    platform.pass(ACCEPT_WITHIN_MS)
    const accepting = acceptWork(job)
    const { won } = await race(sixteen(() => sweepWork(platform.deps)))
    await accepting

    expect(won).toEqual(Array.from({ length: 16 }, () => 0))
    expect((await getWork(job)).state).toBe('working')
  })

  test('renewing a lapsed lease against the sweep and the buyer: one of three', async () => {
    await using platform = await openTestPlatform()
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
    await using platform = await openTestPlatform()
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
    await using platform = await openTestPlatform()
    const job = await openJob(platform)
    await submitWork(job)
    const late = await Promise.all(Array.from({ length: 4 }, (_, index) => platform.agent(`late-${index}`)))
    const review = { taskId: job.taskId, kind: 'review', targetAssignmentId: job.workId, price: '1' } as const
    await race([
      ...late.map(
        ({ agentId }) =>
          () =>
            job.buyer.api.tasks.assign({ ...review, assigneeAgentId: agentId }),
      ),
      () => job.buyer.api.tasks.approveAssignment(work(job)),
      () => job.buyer.api.tasks.completeTask({ taskId: job.taskId }),
    ])

    const { assignments } = await job.buyer.api.tasks.getTask({ taskId: job.taskId })
    const target = assignments.find((each) => each.assignmentId === job.workId)
    if (target?.state === 'passed')
      expect(assignments.filter((each) => each.kind === 'review' && each.state === 'assigned')).toEqual([])
    await expectOrder(job)
  })
})
