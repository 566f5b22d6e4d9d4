import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listSent } from '../private/outbox.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { mutate, query } from './call.ts'
import { acceptAssignment } from './lease.ts'
import { receiveDrops } from './receive-drops.ts'
import { sendOrder } from './send-order.ts'
import { submitWork } from './submit-work.ts'

const SCHEMA = { type: 'object', required: ['text'], properties: { text: { type: 'string', pattern: '^[A-Z]+$' } } }

let market: TestMarket
let place: ReturnType<typeof makeTestHome>
let buyer: TestAgent
let worker: TestAgent
beforeAll(async () => {
  market = await startMarket()
  place = makeTestHome()
  buyer = await market.join('buyer', { credits: '100' })
  worker = await market.join('worker', { capabilities: ['work:5'] })
})
afterAll(async () => {
  await market[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

async function order(): Promise<string> {
  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const input = { taskId, kind: 'execute', assigneeAgentId: 'worker', capability: 'work', price: '5' } as const
  const { assignmentId } = (await mutate(buyer, 'tasks.assign', input)).assignment
  await sendOrder(buyer, { assignmentId, instructions: 'upper case', files: [], validators: { schema: SCHEMA } })
  return assignmentId
}

function result(text: string): string {
  const path = join(place.path, 'result.json')
  writeFileSync(path, text)
  return path
}

test('work that its order’s validators refuse is not handed in, nothing of it is sent, and mended it is', async () => {
  const assignmentId = await order()
  await expect.poll(async () => (await receiveDrops(worker)).stored.length, { timeout: 60_000 }).toBeGreaterThan(0)
  await acceptAssignment(worker, assignmentId)
  for (const [text, fault] of [
    ['{"text":"small"}', /schema: .*pattern/],
    ['no JSON', /result\.json: is not JSON/],
  ] as const) {
    const refused = submitWork(worker, { assignmentId, files: [result(text)], isChecked: true })
    await expect(refused).rejects.toMatchObject({ code: 'wrong_state', message: expect.stringMatching(fault) })
  }
  expect(listSent(worker.vault, 'work.ready', assignmentId)).toEqual([])
  expect((await query(worker, 'tasks.getAssignment', { assignmentId })).assignment.state).toBe('working')

  const handed = await submitWork(worker, { assignmentId, files: [result('{"text":"LARGE"}')], isChecked: true })
  expect(handed.state).toBe('submitted')
})

test('unchecked, it is handed in as it is', async () => {
  const assignmentId = await order()
  await expect.poll(async () => (await receiveDrops(worker)).stored.length, { timeout: 60_000 }).toBeGreaterThan(0)
  await acceptAssignment(worker, assignmentId)
  expect(await submitWork(worker, { assignmentId, files: [result('{"text":"small"}')] })).toMatchObject({ state: 'submitted' })
})

test('a daemon with a preflight lets go of work that would not pass, and tells the buyer why', async () => {
  const assignmentId = await order()
  const daemon = worker.daemon({ exec: `printf '{"text":"small"}' > output/result.json`, preflight: true })
  await daemon.seen('warning', { code: 'work_stalled', assignmentId })
  await daemon.stop()
  expect((await query(worker, 'tasks.getAssignment', { assignmentId })).assignment.state).toBe('working')
  expect(listSent(worker.vault, 'work.ready', assignmentId)).toEqual([])
  const [declined] = listSent(worker.vault, 'order.decline', assignmentId)
  expect(declined?.document.reason).toMatch(/does not pass the validators: schema/)
})
