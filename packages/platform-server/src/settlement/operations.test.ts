import { describe, expect, test } from 'vitest'
import { explainLists } from '../../test/explain.ts'
import { acceptWork, giveVerdict, moneyOf, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { listHolds } from './operations.ts'

describe('deposits', () => {
  test('open: an agent credits itself, in whole and in millionths', async () => {
    await using platform = await openTestPlatform(['--deposits', 'open'])
    const ann = await platform.agent('ann')
    await ann.api.settlement.deposit({ amount: '1000000000' })

    expect(await ann.api.settlement.deposit({ amount: '0.000001' })).toMatchObject({ available: '1000000000.000001', held: '0' })
  })

  test('open: nobody but an operator credits somebody else', async () => {
    await using platform = await openTestPlatform(['--deposits', 'open', '--operator', 'root'])
    const [ann, ben, root] = await Promise.all([platform.agent('ann'), platform.agent('ben'), platform.agent('root')])

    await expectRefusal(platform, 'forbidden', () => ann.api.settlement.deposit({ amount: '1', agentId: 'ben' }))
    await root.api.settlement.deposit({ amount: '2', agentId: 'ben' })
    expect(await moneyOf(ann, ben, root)).toEqual({ ann: ['0', '0'], ben: ['2', '0'], root: ['0', '0'] })
  })

  test('by operators: an agent does not credit itself; an unknown one is not credited', async () => {
    await using platform = await openTestPlatform(['--deposits', 'operator', '--operator', 'root'])
    const [ann, root] = await Promise.all([platform.agent('ann'), platform.agent('root')])

    await expectRefusal(platform, 'forbidden', () => ann.api.settlement.deposit({ amount: '1' }))
    await expectRefusal(platform, 'not_found', () => root.api.settlement.deposit({ amount: '1', agentId: 'nobody-here' }))
    await root.api.settlement.deposit({ amount: '1', agentId: 'ann' })
    expect(await moneyOf(ann)).toEqual({ ann: ['1', '0'] })
  })

  test('that would be more than an account can hold are refused, and so are those that the outside cannot give', async () => {
    await using platform = await openTestPlatform()
    const [ann, ben] = await Promise.all([platform.agent('ann', { credits: '1' }), platform.agent('ben')])
    const set = (account: string, micro: bigint) =>
      platform.deps.db.write((tx) => tx.run('UPDATE accounts SET balance_micro = $2 WHERE account = $1', [account, micro]))
    await set('available:ann', 8_999_999_999_999_999_999n)
    await expectRefusal(platform, 'capacity_exceeded', () => ann.api.settlement.deposit({ amount: '0.000002' }))
    await set('external', -8_999_999_999_999_999_999n)

    await expectRefusal(platform, 'insufficient_funds', () => ben.api.settlement.deposit({ amount: '0.000002' }))
  })
})

describe('the ledger of an agent', () => {
  test('lists what touched its accounts, newest first, and nothing of others', async () => {
    await using platform = await openTestPlatform(['--fee-bps', '1000'])
    const job = await openJob(platform, { reviewers: 1 })
    await submitWork(job)
    await giveVerdict(job, 0, 'passed')

    const { entries } = await job.buyer.api.settlement.listLedger({})
    expect(entries.map((each) => each.kind)).toEqual(['capture', 'capture', 'hold', 'hold', 'deposit'])
    const own = await job.executor.api.settlement.listLedger({})
    expect(own.entries).toMatchObject([
      {
        kind: 'capture',
        assignmentId: job.workId,
        postings: [
          { from: 'held:buyer', to: 'available:executor', amount: '9' },
          { from: 'held:buyer', to: 'fees', amount: '1' },
        ],
      },
    ])
    const pages = [await job.buyer.api.settlement.listLedger({ limit: 4 })]
    pages.push(await job.buyer.api.settlement.listLedger({ limit: 4, cursor: pages[0]?.nextCursor }))
    expect(pages.flatMap((page) => page.entries)).toEqual(entries)
    await expectRefusal(platform, 'invalid_input', () => job.buyer.api.settlement.listLedger({ cursor: 'bm8' }))
  })

  test('lists holds for payer and payee, of one assignment if it is named', async () => {
    await using platform = await openTestPlatform()
    const job = await openJob(platform, { reviewers: 1 })
    const stranger = await platform.agent('stranger')
    await acceptWork(job)
    const listed = async ({ api }: typeof stranger, input = {}) =>
      (await api.settlement.listHolds(input)).holds.map((each) => [each.payeeId, each.amount, each.state]).sort()

    expect(await listed(job.buyer)).toEqual([
      ['executor', '10', 'active'],
      ['reviewer-1', '1', 'active'],
    ])
    expect(await listed(job.buyer, { assignmentId: job.reviewIds[0] })).toEqual([['reviewer-1', '1', 'active']])
    expect(await listed(job.executor)).toEqual([['executor', '10', 'active']])
    expect([await listed(stranger), await listed(stranger, { assignmentId: job.workId })]).toEqual([[], []])
    const whole = await job.buyer.api.settlement.listHolds({})
    const first = await job.buyer.api.settlement.listHolds({ limit: 1 })
    const second = await job.buyer.api.settlement.listHolds({ limit: 1, cursor: first.nextCursor })
    expect([...first.holds, ...second.holds]).toEqual(whole.holds)
  })

  test('lists holds along the indexes of both sides, and sorts no more of them than a page has', async () => {
    await using platform = await openTestPlatform()
    const { deps, plans } = explainLists(platform.deps)
    await listHolds(deps, 'somebody', { limit: 20 })
    await listHolds(deps, 'somebody', { limit: 20, assignmentId: 'asg_0' })

    expect(plans[0]).toContain('SEARCH holds USING COVERING INDEX holds_by_payer (payer_id=? AND hold_id<?)')
    expect(plans[0]).toContain('SEARCH holds USING COVERING INDEX holds_by_payee (payee_id=? AND hold_id<?)')
    expect(plans[0]?.join()).not.toContain('SCAN holds')
    expect(plans[1]).toEqual(['SEARCH holds USING INDEX holds_by_assignment (assignment_id=? AND hold_id<?)'])
  })
})
