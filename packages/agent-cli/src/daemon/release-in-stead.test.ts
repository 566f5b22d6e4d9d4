import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { mutate, query } from '../agent/call.ts'
import { fetchWork } from '../agent/fetch-work.ts'
import { receiveDrops } from '../agent/receive-drops.ts'
import { sendOrder } from '../agent/send-order.ts'
import { findDocuments } from '../private/inbox.ts'
import { findJob } from '../private/jobs.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent } from '../test-market.ts'
import { runDaemon } from './daemon.ts'

/** One look of a daemon whose clock is ahead by so much; the platform sees nothing of that. */
async function lookAhead(agent: TestAgent, byMs: number): Promise<string[]> {
  const events: string[] = []
  const { signal } = new AbortController()
  const ahead = agent.reopen(signal)
  await runDaemon(
    { ...ahead, vault: ahead.vault, now: () => Date.now() + byMs },
    { isOnce: true, signal, onEvent: ({ event }) => events.push(event) },
  )
  return events
}

/** Listen until the keys of this work have come from all of these. */
async function expectKeysOf(assignmentId: string, agent: TestAgent, senders: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      await receiveDrops(agent, { waitS: 1 })
      expect(findDocuments(agent.vault, 'work.key', { assignmentId }).map(({ from }) => from)).toEqual(senders)
    },
    { timeout: 90_000 },
  )
}

test('an executor killed after it submitted takes nothing with it: the buyer pays on the verdict, and it and whom it names get the work from the reviewer', {
  timeout: 300_000,
}, async () => {
  await using market = await startMarket()
  using place = makeTestHome()
  const buyer = await market.join('buyer', { credits: '10' })
  const executor = await market.join('executor', { capabilities: ['copy:2'] })
  const reviewer = await market.join('reviewer', { capabilities: ['review:2'] })
  const next = await market.join('next')
  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const hire = async (input: object) =>
    (await mutate(buyer, 'tasks.assign', { taskId, ...input } as never)).assignment.assignmentId
  const work = await hire({ kind: 'execute', assigneeAgentId: 'executor', capability: 'copy', price: '5' })
  const review = await hire({ kind: 'review', assigneeAgentId: 'reviewer', targetAssignmentId: work, price: '1' })
  const input = join(place.path, 'numbers.json')
  writeFileSync(input, '[1]')
  const order = { assignmentId: work, instructions: 'Copy.', files: [input], validators: { schema: { type: 'array' } } }
  await sendOrder(buyer, { ...order, deliverTo: 'next' })

  const working = executor.spawnDaemon('cp input/numbers.json output/')
  await working.seen('submitted')
  await working.kill()
  const reviewing = reviewer.daemon()
  await reviewing.seen('verdict', { outcome: 'passed' })
  await reviewing.stop()
  await lookAhead(reviewer, 0)
  expect(findJob(reviewer.vault, review)?.state).toBe('standby')

  // Paid, and for ten minutes the executor's to deliver.
  expect(await query(executor, 'settlement.balance', {})).toEqual({ available: '5', held: '0' })
  expect(await lookAhead(reviewer, 590_000)).not.toContain('key-released')
  await receiveDrops(buyer, { waitS: 2 })
  expect(findDocuments(buyer.vault, 'work.key', { assignmentId: work })).toEqual([])

  expect(await lookAhead(reviewer, 660_000)).toContain('key-released')
  await expectKeysOf(work, buyer, ['reviewer'])
  const { files } = await fetchWork(buyer, { assignmentId: work, directory: join(place.path, 'out') })
  expect(readFileSync(files[0] ?? '', 'utf8')).toBe('[1]')
  await expectKeysOf(work, next, ['reviewer'])
  const handedOn = await fetchWork(next, { assignmentId: work, directory: join(place.path, 'handed-on') })
  expect(readFileSync(handedOn.files[0] ?? '', 'utf8')).toBe('[1]')
  expect(await lookAhead(reviewer, 660_000)).not.toContain('key-released')

  // It comes back: the same work from two, and nobody is confused by it.
  await lookAhead(executor, 0)
  await expectKeysOf(work, next, ['reviewer', 'executor'])
  expect(await fetchWork(next, { assignmentId: work, directory: join(place.path, 'handed-on') })).toEqual(handedOn)
})
