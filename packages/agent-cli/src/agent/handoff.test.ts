import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findContact } from '../private/contacts.ts'
import { findDocuments, findMessage } from '../private/inbox.ts'
import { makeKeyring } from '../private/keyring.ts'
import { listSent } from '../private/outbox.ts'
import { currentPrekey } from '../private/prekeys.ts'
import { findSubmission } from '../private/submissions.ts'
import { openVault } from '../private/vault.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import type { Agent } from './agent.ts'
import { mutate, query } from './call.ts'
import { deliverNow, deliverOutbox } from './deliver-outbox.ts'
import { showAgent } from './directory.ts'
import { ensurePrekey } from './ensure-prekey.ts'
import { fetchWork } from './fetch-work.ts'
import type { Judge } from './judge-work.ts'
import { acceptAssignment } from './lease.ts'
import { receiveDrops } from './receive-drops.ts'
import { releaseDue } from './release-key.ts'
import { runReview } from './run-review.ts'
import { sealDocument } from './seal-document.ts'
import { sealFiles } from './seal-files.ts'
import { sendMessage } from './send-message.ts'
import { sendOrder } from './send-order.ts'
import { showOrder } from './show-order.ts'
import { submitWork } from './submit-work.ts'

let market: TestMarket
let place: ReturnType<typeof makeTestHome>
let buyer: TestAgent
let worker: TestAgent
let reviewer: TestAgent
let scout: TestAgent
let taskId: string
let round = 0
beforeAll(async () => {
  market = await startMarket()
  scout = await market.join('scout')
})
afterAll(() => market[Symbol.asyncDispose]())
beforeEach(async () => {
  round++
  place = makeTestHome()
  ;[buyer, worker, reviewer] = await Promise.all([
    market.join(`buyer-${round}`, { credits: '100' }),
    market.join(`worker-${round}`, { capabilities: ['work:5'] }),
    market.join(`reviewer-${round}`, { capabilities: ['review:5'] }),
  ])
  taskId = (await mutate(buyer, 'tasks.createTask', {})).taskId
})
afterEach(() => place[Symbol.dispose]())

async function assign(maxAttempts = 1): Promise<string> {
  const input = { taskId, kind: 'execute', assigneeAgentId: worker.agentId, capability: 'work', price: '5', maxAttempts } as const
  return (await mutate(buyer, 'tasks.assign', input)).assignment.assignmentId
}

async function assignReview(targetAssignmentId: string, agent = reviewer): Promise<string> {
  const input = {
    taskId,
    kind: 'review',
    assigneeAgentId: agent.agentId,
    targetAssignmentId,
    capability: 'review',
    price: '1',
  } as const
  return (await mutate(buyer, 'tasks.assign', input)).assignment.assignmentId
}

function makeFile(name: string, text: string): string {
  const path = join(place.path, name)
  writeFileSync(path, text)
  return path
}

const out = (name = 'out') => join(place.path, name)

/** Receive what was sent before this call: what somebody sent to itself behind it has been on the feed. */
async function receive(agent: Agent): Promise<void> {
  const { messageId } = await sendMessage(scout, { to: scout.agentId, text: 'so far' })
  while (!findMessage(scout.vault, messageId)) await receiveDrops(scout, { waitS: 1 })
  await receiveDrops(agent)
}

const numbers = { type: 'array', items: { type: 'number' } }

test('what has left is waited for: whoever is told that work is handed in judges or fetches it at once', {
  timeout: 30_000,
}, async () => {
  const [judged, unjudged] = [await assign(), await assign()]
  const review = await assignReview(judged)
  for (const assignmentId of [judged, unjudged]) await acceptAssignment(worker, assignmentId)
  await sendOrder(buyer, { assignmentId: judged, instructions: 'Count.', validators: { schema: numbers } })

  await submitWork(worker, { assignmentId: judged, files: [makeFile('result.json', '[3]')] })
  expect(await runReview(reviewer, { reviewAssignmentId: review })).toMatchObject({ outcome: 'passed' })
  await submitWork(worker, { assignmentId: unjudged, files: [makeFile('other.json', '[4]')] })
  expect(await fetchWork(buyer, { assignmentId: unjudged, directory: out() })).toMatchObject({
    files: [join(out(), 'other.json')],
  })
})

test('a job by hand: order, work, review, release, fetch', async () => {
  const assignmentId = await assign()
  const review = await assignReview(assignmentId)
  const order = await sendOrder(buyer, {
    assignmentId,
    instructions: 'Count.',
    files: [makeFile('in.txt', 'a b c')],
    validators: { schema: numbers },
  })
  expect(order.sentTo).toEqual([worker.agentId, reviewer.agentId])

  await expect(showOrder(buyer, { assignmentId })).rejects.toMatchObject({ code: 'forbidden' })
  await receive(worker)
  const shown = await showOrder(worker, { assignmentId, directory: out('input') })
  expect(shown).toMatchObject({
    orderId: order.orderId,
    instructions: 'Count.',
    files: [join(out('input'), 'in.txt')],
    reviewers: [reviewer.agentId],
  })
  expect(readFileSync(shown.files[0]!, 'utf8')).toBe('a b c')

  const result = makeFile('result.json', '[3]')
  await expect(submitWork(worker, { assignmentId, files: [result] })).rejects.toMatchObject({ code: 'wrong_state' })
  await acceptAssignment(worker, assignmentId)
  await acceptAssignment(reviewer, review)
  await expect(runReview(reviewer, { reviewAssignmentId: review })).rejects.toMatchObject({ code: 'wrong_state' })
  expect(await submitWork(worker, { assignmentId, files: [result] })).toEqual({
    assignmentId,
    state: 'submitted',
    sentTo: [reviewer.agentId, buyer.agentId],
  })
  await receive(buyer)
  expect(findDocuments(buyer.vault, 'work.ready', { assignmentId })[0]?.document.artifacts[0]).not.toHaveProperty('K')
  await expect(fetchWork(buyer, { assignmentId, directory: out() })).rejects.toMatchObject({ code: 'wrong_state' })

  await receive(reviewer)
  expect(await runReview(reviewer, { reviewAssignmentId: review })).toMatchObject({
    outcome: 'passed',
    scoreBps: 10_000,
    isSubmitted: false,
  })
  expect((await query(buyer, 'review.listVerdicts', { assignmentId })).verdicts).toEqual([])
  expect(await runReview(reviewer, { reviewAssignmentId: review, submit: true })).toMatchObject({
    outcome: 'passed',
    isSubmitted: true,
  })
  // What was decided stands, whatever is found the second time.
  const regret: Judge = async () => ({ outcome: 'failed', scoreBps: 0, checks: [] })
  expect(await runReview(reviewer, { reviewAssignmentId: review, submit: true, judge: regret })).toMatchObject({
    outcome: 'passed',
    isSubmitted: true,
  })
  expect((await query(buyer, 'review.listVerdicts', { assignmentId })).verdicts).toHaveLength(1)

  expect(await submitWork(worker, { assignmentId, files: [result] })).toMatchObject({ state: 'passed' })
  await receive(buyer)
  const fetched = await fetchWork(buyer, { assignmentId, directory: out() })
  expect(readFileSync(fetched.files[0]!, 'utf8')).toBe('[3]')
  expect(listSent(worker.vault, 'work.key', assignmentId)).toHaveLength(1)
  expect(listSent(worker.vault, 'work.ready', assignmentId)).toHaveLength(2)
})

describe('an order', () => {
  test('is sent once; a second one is refused, the same one again reaches reviewers named since', async () => {
    const assignmentId = await assign()
    const file = makeFile('in.txt', 'a')
    await expect(sendOrder(buyer, { assignmentId })).rejects.toMatchObject({ code: 'usage' })
    const first = await sendOrder(buyer, { assignmentId, instructions: 'Count.', files: [file], validators: { schema: numbers } })
    expect(first.sentTo).toEqual([worker.agentId])
    expect(
      await sendOrder(buyer, { assignmentId, instructions: 'Count.', files: [file], validators: { schema: numbers } }),
    ).toEqual(first)
    for (const other of [
      { instructions: 'Sum.' },
      { files: [makeFile('in.txt', 'b')] },
      { validators: {} },
      { deliverTo: reviewer.agentId },
    ])
      await expect(sendOrder(buyer, { assignmentId, ...other })).rejects.toMatchObject({ code: 'already_exists', exit: 5 })

    await assignReview(assignmentId)
    expect(await sendOrder(buyer, { assignmentId })).toEqual({ ...first, sentTo: [worker.agentId, reviewer.agentId] })
    expect(listSent(buyer.vault, 'order.offer', assignmentId)).toHaveLength(1)
  })

  test('reaches an executor and a reviewer that have lost it only when it is sent again, and then as the same order', async () => {
    const assignmentId = await assign()
    const review = await assignReview(assignmentId)
    const order = { assignmentId, instructions: 'Count.' }
    const { orderId } = await sendOrder(buyer, order)
    // Both begin anew on empty machines.
    for (const agent of [worker, reviewer]) {
      agent.vault.run('DELETE FROM prekeys')
      await ensurePrekey(agent)
    }

    await sendOrder(buyer, order)
    await receive(worker)
    await expect(showOrder(worker, { assignmentId })).rejects.toMatchObject({ code: 'not_found' })

    expect(await sendOrder(buyer, { assignmentId, isAgain: true })).toMatchObject({ orderId })
    await receive(worker)
    expect(await showOrder(worker, { assignmentId })).toMatchObject({ orderId, instructions: 'Count.' })
    await receive(reviewer)
    expect(findDocuments(reviewer.vault, 'review.brief', { assignmentId: review })).toHaveLength(1)
    // Once for each prekey.
    const count = () => listSent(buyer.vault, 'order.offer', assignmentId).length
    const before = count()
    await sendOrder(buyer, { assignmentId, isAgain: true })
    expect([before, count()]).toEqual([2, 2])
  })

  test('is only the buyer’s to send, and only for work', async () => {
    const assignmentId = await assign()
    const review = await assignReview(assignmentId)
    await expect(sendOrder(worker, { assignmentId, instructions: 'x' })).rejects.toMatchObject({ code: 'forbidden' })
    await expect(sendOrder(buyer, { assignmentId: review, instructions: 'x' })).rejects.toMatchObject({ code: 'usage' })
    await mutate(buyer, 'tasks.cancelAssignment', { assignmentId })
    await expect(sendOrder(buyer, { assignmentId, instructions: 'x' })).rejects.toMatchObject({ code: 'wrong_state' })
  })

  test('that a stranger sends for somebody’s assignment is not that assignment’s order', async () => {
    const assignmentId = await assign()
    const document = { v: 1 as const, assignmentId, instructions: 'Evil.', artifacts: [], validators: {}, reviewers: [] }
    const sealed = await sealDocument(reviewer, { to: worker.agentId, typ: 'order.offer', document, purpose: 'x' })
    await deliverNow(reviewer, [sealed])
    await receive(worker)
    await expect(showOrder(worker, { assignmentId })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('may name one more agent that gets the work', async () => {
    const assignmentId = await assign()
    await sendOrder(buyer, { assignmentId, instructions: 'Count.', deliverTo: reviewer.agentId })
    await acceptAssignment(worker, assignmentId)
    await receive(worker)
    await submitWork(worker, { assignmentId, files: [makeFile('result.txt', 'done')] })
    await receive(reviewer)
    const fetched = await fetchWork(reviewer, { assignmentId, directory: out() })
    expect(readFileSync(fetched.files[0]!, 'utf8')).toBe('done')
    // The buyer's word was enough: the platform was not asked who that is.
    expect(findContact(worker.vault, reviewer.agentId, Date.now())).toBeUndefined()
  })

  test('that names somebody with a made-up card gives that card the work of this order, and nothing else', async () => {
    const assignmentId = await assign()
    const madeUp = makeKeyring(reviewer.agentId, { name: 'Reviewer' }, Date.now())
    using vault = openVaultIn(join(place.path, 'made-up'))
    const prekey = currentPrekey(vault, madeUp, Date.now()).signed
    const deliverTo = { agentId: reviewer.agentId, card: madeUp.card, prekey }
    const document = { v: 1 as const, assignmentId, instructions: 'x', artifacts: [], validators: {}, reviewers: [], deliverTo }
    await deliverNow(buyer, [await sealDocument(buyer, { to: worker.agentId, typ: 'order.offer', document, purpose: 'order' })])
    await acceptAssignment(worker, assignmentId)
    await receive(worker)
    await submitWork(worker, { assignmentId, files: [makeFile('result.txt', 'done')] })
    expect(listSent(worker.vault, 'work.key', assignmentId).map(({ to }) => to)).toEqual([buyer.agentId, reviewer.agentId])

    expect(await showAgent(worker, reviewer.agentId)).toMatchObject({ card: reviewer.keyring.card })
    const { messageId } = await sendMessage(worker, { to: reviewer.agentId, text: 'for you alone' })
    await receive(reviewer)
    expect(findMessage(reviewer.vault, messageId)).toMatchObject({ document: { text: 'for you alone' } })
  })

  test('that names somebody under another key than the pinned one delivers to the buyer alone, and says so', async () => {
    const assignmentId = await assign()
    await showAgent(worker, reviewer.agentId)
    const { card } = makeKeyring(reviewer.agentId, { name: 'Reviewer' }, Date.now())
    const deliverTo = { agentId: reviewer.agentId, card }
    const document = { v: 1 as const, assignmentId, instructions: 'x', artifacts: [], validators: {}, reviewers: [], deliverTo }
    await deliverNow(buyer, [await sealDocument(buyer, { to: worker.agentId, typ: 'order.offer', document, purpose: 'order' })])
    await acceptAssignment(worker, assignmentId)
    await receive(worker)
    const submitted = submitWork(worker, { assignmentId, files: [makeFile('result.txt', 'done')] })
    await expect(submitted).rejects.toMatchObject({ code: 'key_changed', exit: 8 })
    expect(listSent(worker.vault, 'work.key', assignmentId)).toMatchObject([{ to: buyer.agentId, isSent: true }])
  })
})

function openVaultIn(directory: string) {
  const vault = openVault(directory)
  return Object.assign(vault, { [Symbol.dispose]: () => vault.close() })
}

describe('work', () => {
  async function working({ reviewed = true, maxAttempts = 1 } = {}) {
    const assignmentId = await assign(maxAttempts)
    const review = reviewed ? await assignReview(assignmentId) : undefined
    await sendOrder(buyer, { assignmentId, instructions: 'Count.', validators: { schema: numbers } })
    await acceptAssignment(worker, assignmentId)
    if (review) await acceptAssignment(reviewer, review)
    return { assignmentId, review: review ?? '' }
  }

  test('that was announced is not replaced by other files', async () => {
    const { assignmentId } = await working()
    await submitWork(worker, { assignmentId, files: [makeFile('result.json', '[1]')] })
    await expect(submitWork(worker, { assignmentId, files: [makeFile('result.json', '[2]')] })).rejects.toMatchObject({
      code: 'already_exists',
    })
    expect(listSent(worker.vault, 'work.ready', assignmentId)).toHaveLength(2)
  })

  test('that failed is never released, and the next attempt is sealed under other keys', async () => {
    const { assignmentId, review } = await working({ maxAttempts: 2 })
    await submitWork(worker, { assignmentId, files: [makeFile('result.json', '["x"]')] })
    await receive(reviewer)
    expect(await runReview(reviewer, { reviewAssignmentId: review, submit: true })).toMatchObject({
      outcome: 'failed',
      attempt: 1,
    })
    expect(await releaseDue(worker)).toMatchObject([{ outcome: 'withheld', attempt: 1 }])
    expect(await releaseDue(worker)).toEqual([])

    await submitWork(worker, { assignmentId, files: [makeFile('result.json', '["x"]')] })
    const keys = [1, 2].map((attempt) => findSubmission(worker.vault, assignmentId, attempt)?.artifacts[0]?.K)
    expect(new Set(keys).size).toBe(2)
    await receive(reviewer)
    expect(await runReview(reviewer, { reviewAssignmentId: review, submit: true })).toMatchObject({
      outcome: 'failed',
      attempt: 2,
    })
    expect(await releaseDue(worker)).toMatchObject([{ outcome: 'withheld', attempt: 2 }])
    expect(listSent(worker.vault, 'work.key', assignmentId)).toEqual([])
    await receive(buyer)
    await expect(fetchWork(buyer, { assignmentId, directory: out() })).rejects.toMatchObject({ code: 'wrong_state' })
  })

  test('that the relay no longer has, or that is not what was announced, is judged as that', async () => {
    const { assignmentId, review } = await working()
    await submitWork(worker, { assignmentId, files: [makeFile('result.json', '[1]')] })
    await receive(reviewer)
    const gone = reviewer.reopen()
    const client = await gone.relay()
    const away = { ...gone, vault: gone.vault, relay: async () => ({ ...client, read: async () => undefined }) }
    expect(await runReview(away, { reviewAssignmentId: review })).toMatchObject({
      outcome: 'content_unavailable',
      scoreBps: 0,
      checks: [],
    })
    const other = { ...gone, vault: gone.vault, relay: async () => ({ ...client, read: async () => new Uint8Array(16_384) }) }
    expect(await runReview(other, { reviewAssignmentId: review })).toMatchObject({ outcome: 'content_mismatch' })
    expect(await runReview(reviewer, { reviewAssignmentId: review })).toMatchObject({ outcome: 'passed' })
  })

  test('delivered in the place of the reviewed files is refused, and so are keys of a stranger', async () => {
    const { assignmentId, review } = await working()
    await submitWork(worker, { assignmentId, files: [makeFile('result.json', '[1]')] })
    await receive(reviewer)
    await runReview(reviewer, { reviewAssignmentId: review, submit: true })
    const stranger = await market.join(`stranger-${round}`)
    for (const [agent, text] of [
      [stranger, '[1]'],
      [worker, '[9]'],
    ] as const) {
      const artifacts = await sealFiles(agent, { purpose: 'fraud', paths: [makeFile('result.json', text)] })
      const document = { v: 1 as const, assignmentId, attempt: 1, artifacts }
      await deliverNow(agent, [await sealDocument(agent, { to: buyer.agentId, typ: 'work.key', document, purpose: 'fraud' })])
    }
    await receive(buyer)
    await expect(fetchWork(buyer, { assignmentId, directory: out() })).rejects.toMatchObject({
      fault: 'content_mismatch',
      exit: 5,
    })

    await releaseDue(worker)
    await receive(buyer)
    const { files } = await fetchWork(buyer, { assignmentId, directory: out() })
    expect(readFileSync(files[0]!, 'utf8')).toBe('[1]')
  })

  test('whose announcements rest is complete only after they have left', async () => {
    const { assignmentId } = await working()
    const resting: Agent = { ...worker, vault: worker.vault, handoff: { delay: 'private', cover: false, receipts: true } }
    const file = makeFile('result.json', '[1]')
    const held = await submitWork(resting, { assignmentId, files: [file] })
    expect(held).toMatchObject({ state: 'working', sentTo: [reviewer.agentId, buyer.agentId], dueAtMs: expect.any(Number) })
    expect(await releaseDue(resting)).toEqual([])

    worker.vault.run('UPDATE outbox SET hold_until_ms = 0, due_at_ms = 0')
    worker.vault.run('UPDATE uploads SET hold_until_ms = 0')
    await deliverOutbox(resting)
    expect(await releaseDue(resting)).toMatchObject([{ outcome: 'completed', sentTo: [reviewer.agentId, buyer.agentId] }])
    expect(await submitWork(resting, { assignmentId, files: [file] })).toMatchObject({ state: 'submitted' })
    expect(listSent(worker.vault, 'work.ready', assignmentId)).toHaveLength(2)
  })

  test('needs at least one file, and none that cannot be named elsewhere', async () => {
    const { assignmentId } = await working({ reviewed: false })
    await expect(submitWork(worker, { assignmentId, files: [] })).rejects.toMatchObject({ code: 'usage' })
    await expect(submitWork(buyer, { assignmentId, files: [makeFile('a', '1')] })).rejects.toMatchObject({ code: 'forbidden' })
  })
})
