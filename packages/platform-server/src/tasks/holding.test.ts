import { describe, expect, test } from 'vitest'
import { type Job, moneyOf, openJob } from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

const cancel = (job: Job) => job.buyer.api.tasks.cancelAssignment({ assignmentId: job.workId })

describe('holding', () => {
  const hold = (job: Job, amount?: string) => job.buyer.api.tasks.hold({ assignmentId: job.workId, amount })

  test('sets the price aside once', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false })
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['100', '0'] })

    expect(await hold(job)).toMatchObject({ amount: '10', state: 'active', payerId: 'buyer', payeeId: 'executor' })

    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['90', '10'] })
    await expectRefusal(platform, 'already_exists', () => hold(job))
  })

  test('another amount, work without a price, and money that is not there are refused', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false, price: '100.000001' })
    const free = await job.buyer.api.tasks.assign({ taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor' })

    await expectRefusal(platform, 'invalid_input', () => hold(job, '100'))
    await expectRefusal(platform, 'insufficient_funds', () => hold(job))
    await expectRefusal(platform, 'wrong_state', () => hold({ ...job, workId: free.assignment.assignmentId }))
  })

  test('two holds that only together exceed the balance: the second one is refused', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { price: '60' })
    const again = { taskId: job.taskId, kind: 'execute', assigneeAgentId: 'executor', price: '60' } as const

    await expectRefusal(platform, 'insufficient_funds', () => job.buyer.api.tasks.assign(again))
    expect(await moneyOf(job.buyer)).toEqual({ buyer: ['40', '60'] })
  })

  test('is refused once the work has ended, and to everybody but the buyer', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { fund: false })

    await expectRefusal(platform, 'forbidden', () => job.executor.api.tasks.hold({ assignmentId: job.workId }))
    await cancel(job)
    await expectRefusal(platform, 'wrong_state', () => hold(job))
  })
})
