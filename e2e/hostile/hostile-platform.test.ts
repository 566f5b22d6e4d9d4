import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contact, type Rotation, type SignedCard, toBase64url, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Agent, type AgentOptions, openAgent } from '../../packages/agent-cli/src/agent/agent.ts'
import { approveWork } from '../../packages/agent-cli/src/agent/approve-work.ts'
import { assign } from '../../packages/agent-cli/src/agent/assign.ts'
import { mutate, query } from '../../packages/agent-cli/src/agent/call.ts'
import { checkPasses } from '../../packages/agent-cli/src/agent/check-keys.ts'
import { discover, listAgents, showAgent } from '../../packages/agent-cli/src/agent/directory.ts'
import { fetchWork } from '../../packages/agent-cli/src/agent/fetch-work.ts'
import { findOrder } from '../../packages/agent-cli/src/agent/find-order.ts'
import type { Judge } from '../../packages/agent-cli/src/agent/judge-work.ts'
import { acceptAssignment } from '../../packages/agent-cli/src/agent/lease.ts'
import { listVerdicts } from '../../packages/agent-cli/src/agent/list-verdicts.ts'
import { receiveDrops } from '../../packages/agent-cli/src/agent/receive-drops.ts'
import { registerAgent } from '../../packages/agent-cli/src/agent/register-agent.ts'
import { releaseDue } from '../../packages/agent-cli/src/agent/release-key.ts'
import { rotateKey } from '../../packages/agent-cli/src/agent/rotate-key.ts'
import { runReview } from '../../packages/agent-cli/src/agent/run-review.ts'
import { broadcastMessage, sendMessage } from '../../packages/agent-cli/src/agent/send-message.ts'
import { sendOrder } from '../../packages/agent-cli/src/agent/send-order.ts'
import { submitVerdict } from '../../packages/agent-cli/src/agent/submit-verdict.ts'
import { submitWork } from '../../packages/agent-cli/src/agent/submit-work.ts'
import { type DaemonRun, runDaemon } from '../../packages/agent-cli/src/daemon/daemon.ts'
import { type Keyring, makeKeyring } from '../../packages/agent-cli/src/private/keyring.ts'
import { listSent } from '../../packages/agent-cli/src/private/outbox.ts'
import { currentPrekey } from '../../packages/agent-cli/src/private/prekeys.ts'
import { replaceKey } from '../../packages/agent-cli/src/private/replace-key.ts'
import { openVault } from '../../packages/agent-cli/src/private/vault.ts'
import { runCommand } from '../stage/process.ts'
import { type HostilePlatform, type Lie, startHostilePlatform } from './hostile-platform.ts'

/** The feed moves once a second, on a machine that does other things as well. */
const SLOW = { timeout: 50_000 }

let platform: HostilePlatform
let buyer: Agent
let executor: Agent
let reviewer: Agent
/** What the platform would have others believe the executor, the reviewer and the buyer to be: cards and prekeys of its own making. */
let impostors: Record<string, Contact>

beforeAll(async () => {
  platform = await startHostilePlatform()
  buyer = await join_('buyer')
  executor = await join_('executor', ['text.extract:100'])
  reviewer = await join_('reviewer', ['review.json:100'])
  await mutate(buyer, 'settlement.deposit', { amount: '1000' })
  for (const each of [executor, reviewer]) await each.platform.mutate('heartbeat.beat', {})
  for (const one of [buyer, executor, reviewer])
    for (const other of [buyer, executor, reviewer]) if (one !== other) await showAgent(one, other.agentId)
  impostors = Object.fromEntries(['buyer', 'executor', 'reviewer'].map((agentId) => [agentId, impostorOf(agentId)]))
}, 60_000)
afterAll(() => platform[Symbol.asyncDispose]())
beforeEach(() => platform.lies.clear())
afterEach(() => platform.lies.clear())

async function join_(agentId: string, capabilities: string[] = []): Promise<Agent> {
  const options = optionsOf(agentId)
  await registerAgent(options, { agentId, capabilities })
  return openAgent(options)
}

function optionsOf(name: string): AgentOptions {
  const directory = join(platform.directory, name, 'profiles', 'default')
  return { profile: { name: 'default', directory }, server: platform.origin, timeoutMs: 30_000 }
}

/** A whole identity under somebody else's id, as a platform can make one up. */
function impostorOf(agentId: string): Contact {
  const keyring = makeKeyring(agentId, { name: agentId }, Date.now())
  const vault = openVault(join(platform.directory, `impostor-of-${agentId}`))
  return { agentId, card: keyring.card, prekey: currentPrekey(vault, keyring, Date.now()).signed }
}

/** Whatever in an answer is of an agent the platform has an impostor of is replaced: card, prekey or both. */
function replaceAll(answer: unknown, change: (contact: Contact) => Partial<Contact>): unknown {
  if (Array.isArray(answer)) return answer.map((each) => replaceAll(each, change))
  if (typeof answer !== 'object' || answer === null) return answer
  const entries = Object.entries(answer).map(([name, value]) => [name, replaceAll(value, change)] as const)
  const replaced = Object.fromEntries(entries) as Contact
  if (!('card' in replaced) || typeof replaced.agentId !== 'string') return replaced
  // What the answer does not have is not added: the client would not read it at all.
  const changed = Object.entries(change(replaced)).filter(([name]) => name in replaced)
  return { ...replaced, ...Object.fromEntries(changed) }
}

const swapCards: Lie = (answer) => replaceAll(answer, ({ agentId }) => impostors[agentId] ?? {})
const swapPrekeys: Lie = (answer) =>
  replaceAll(answer, ({ agentId }) => ({ prekey: impostors[agentId]?.prekey }) as Partial<Contact>)

/** The act ends with exit 8, and no relay was given a byte. */
async function expectCaught(act: () => Promise<unknown>): Promise<void> {
  const before = platform.puts()
  await expect(act()).rejects.toThrow(expect.objectContaining({ code: 'key_changed', exit: 8 }))
  expect(platform.puts()).toBe(before)
}

/** Work assigned and reviewed by the three, honestly. */
async function hire(): Promise<{ taskId: string; work: string; review: string }> {
  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const work = await assign(buyer, {
    taskId,
    assigneeAgentId: 'executor',
    kind: 'execute',
    capability: 'text.extract',
    price: '1',
  })
  const review = await assign(buyer, {
    taskId,
    assigneeAgentId: 'reviewer',
    kind: 'review',
    targetAssignmentId: work.assignmentId,
    price: '1',
  })
  return { taskId, work: work.assignmentId, review: review.assignmentId }
}

const file = (name: string): string => {
  const path = join(platform.directory, name)
  writeFileSync(path, '{"emails":[]}')
  return path
}

describe('cards and prekeys that the platform made up', () => {
  test('in the directory and in discovery', async () => {
    for (const name of ['discovery.discover', 'discovery.listAgents', 'discovery.getAgent']) platform.lies.set(name, swapCards)

    await expectCaught(() => discover(buyer, { capability: 'text.extract' }))
    await expectCaught(() => listAgents(buyer, {}))
    await expectCaught(() => showAgent(buyer, 'executor'))
    await expectCaught(() => broadcastMessage(buyer, { capability: 'text.extract', text: 'hello' }))
  })

  test('at the assignment', async () => {
    const { taskId } = await mutate(buyer, 'tasks.createTask', {})
    platform.lies.set('tasks.assign', swapCards)

    await expectCaught(() => assign(buyer, { taskId, assigneeAgentId: 'executor', kind: 'execute' }))
  })

  test.for([
    ['card of the executor', 'tasks.getAssignment', swapCards],
    ['prekey of the executor', 'tasks.getAssignment', swapPrekeys],
    ['card of the reviewer', 'tasks.listReviewAssignments', swapCards],
    ['prekey of the reviewer', 'tasks.listReviewAssignments', swapPrekeys],
  ] as const)('at the order: %s', async ([, procedure, lie]) => {
    const { work } = await hire()
    platform.lies.set(procedure, lie)

    await expectCaught(() => sendOrder(buyer, { assignmentId: work, instructions: 'secret', files: [file('input.json')] }))
    expect(buyer.vault.all('SELECT * FROM outbox WHERE assignment_id = ?', work)).toEqual([])
  })

  test('at the work, at the review and at the fetch; and the honest rest of the job still works', async () => {
    const { work, review } = await hire()
    await sendOrder(buyer, { assignmentId: work, instructions: 'go', validators: {} })
    await acceptAssignment(executor, work)
    const files = [file('result.json')]
    for (const lie of [swapCards, swapPrekeys]) {
      platform.lies.set('tasks.listReviewAssignments', lie)
      await expectCaught(() => submitWork(executor, { assignmentId: work, files }))
      platform.lies.clear()
      platform.lies.set('tasks.getAssignment', lie)
      await expectCaught(() => submitWork(executor, { assignmentId: work, files }))
      platform.lies.clear()
    }
    await submitWork(executor, { assignmentId: work, files })

    await acceptAssignment(reviewer, review)
    platform.lies.set('tasks.getAssignment', swapCards)
    await expectCaught(() => runReview(reviewer, { reviewAssignmentId: review, submit: true, judge: passing }))
    await expectCaught(() => fetchWork(buyer, { assignmentId: work, directory: join(platform.directory, 'out') }))
    platform.lies.clear()

    await expect
      .poll(() => runReview(reviewer, { reviewAssignmentId: review, submit: true, judge: passing }), { timeout: 30_000 })
      .toMatchObject({ isSubmitted: true })
    expect((await listVerdicts(buyer, work)).verdicts).toMatchObject([{ outcome: 'passed', reviewerId: 'reviewer' }])

    // A verdict nobody signed, one of another score, and one that somebody else signed.
    const lies: Lie[] = [
      ({ verdicts: [verdict] }) => ({ verdicts: [{ ...verdict, outcome: 'failed' }] }),
      ({ verdicts: [verdict] }) => ({ verdicts: [{ ...verdict, scoreBps: 1 }] }),
      ({ verdicts: [verdict] }) => ({ verdicts: [{ ...verdict, reviewerId: 'executor' }] }),
    ]
    for (const lie of lies) {
      platform.lies.set('review.listVerdicts', lie)
      await expectCaught(() => listVerdicts(buyer, work))
    }
  })

  test('at a message, to an agent whose prekey has run out on this machine', async () => {
    buyer.vault.run('UPDATE contacts SET prekey = NULL, prekey_issued_at_ms = NULL WHERE agent_id = ?', 'executor')
    for (const lie of [swapCards, swapPrekeys]) {
      platform.lies.set('discovery.getAgent', lie)
      await expectCaught(() => sendMessage(buyer, { to: 'executor', text: 'secret' }))
    }
    platform.lies.clear()
    await sendMessage(buyer, { to: 'executor', text: 'honest' })
  })

  test('as exit 8 of the command, with both cards kept as evidence', async () => {
    platform.lies.set('discovery.getAgent', swapCards)
    const bin = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')
    const env = { AGENT_MARKETPLACE_HOME: join(platform.directory, 'buyer'), AGENT_MARKETPLACE_SERVER: platform.origin }
    const ended = await runCommand(bin, ['agents', 'show', 'executor', '--json'], { env })
    const listed = await runCommand(bin, ['contacts', 'list', '--json'], { env })

    expect([ended.exit, JSON.parse(ended.stdout).error.code]).toEqual([8, 'key_changed'])
    const { contacts } = JSON.parse(listed.stdout) as { contacts: { agentId: string; conflict?: { shown: SignedCard } }[] }
    expect(contacts.find(({ agentId }) => agentId === 'executor')?.conflict?.shown).toEqual(impostors.executor?.card)
  })
})

describe('work that is said to have passed, and has not', () => {
  /** Work that was handed in, and whose reviewer has not spoken. */
  async function handIn(): Promise<{ work: string; review: string; files: string[] }> {
    const { work, review } = await hire()
    await sendOrder(buyer, { assignmentId: work, instructions: 'go', validators: {} })
    await acceptAssignment(executor, work)
    const files = [file('result.json')]
    await expect
      .poll(() => receiveDrops(executor).then(() => findOrder(executor, { assignmentId: work, buyerId: 'buyer' })), SLOW)
      .toBeDefined()
    await submitWork(executor, { assignmentId: work, files })
    return { work, review, files }
  }

  const passed: Lie = (answer) => ({ ...answer, assignment: { ...answer.assignment, state: 'passed' } })
  const keysOf = (work: string) => listSent(executor.vault, 'work.key', work)

  test('gets no keys: not by word alone, by a verdict nobody signed, one on other work, one of a made-up reviewer, or a hidden review', async () => {
    const { work, review, files } = await handIn()
    const other = await handIn()
    await acceptAssignment(reviewer, other.review)
    await submitVerdict(reviewer, { reviewAssignmentId: other.review, outcome: 'passed', scoreBps: 10_000 })
    const { verdicts: genuine } = await listVerdicts(executor, other.work)
    const statement = {
      reviewAssignmentId: review,
      targetAssignmentId: work,
      attempt: 1,
      outcome: 'passed',
      scoreBps: 1,
      issuedAtMs: 1,
    } as const
    const forge = ({ keyring }: { keyring: Keyring }, reviewerId: string) => ({
      ...statement,
      ...{ verdictId: `ver_${'0'.repeat(26)}`, reviewerId, atMs: 1 },
      signature: toBase64url(sign('verdict', verdictBytes(statement), keyring.signKey.secretKey)),
    })
    const sybil = await join_('sybil')

    platform.lies.set('tasks.getAssignment', passed)
    await expectCaught(() => releaseDue(executor, work))
    for (const verdicts of [genuine, [forge(sybil, 'reviewer')], [forge(sybil, 'sybil')]]) {
      platform.lies.set('review.listVerdicts', () => ({ verdicts }))
      await expectCaught(() => releaseDue(executor, work))
    }
    platform.lies.set('review.listVerdicts', () => ({ verdicts: [forge(sybil, 'sybil')] }))
    platform.lies.set('tasks.listReviewAssignments', (answer) => ({ ...answer, assignments: [] }))
    await expectCaught(() => releaseDue(executor, work))
    // Submitted work without any review would be the buyer's at once.
    platform.lies.delete('tasks.getAssignment')
    await expectCaught(() => releaseDue(executor, work))
    // Whoever says that all reviewers left has at least to wait.
    platform.lies.set('tasks.getAssignment', passed)
    platform.lies.set('tasks.listReviewAssignments', (answer) => ({
      ...answer,
      assignments: answer.assignments.map((each: object) => ({ ...each, state: 'declined' })),
    }))
    const before = platform.puts()
    expect(await releaseDue(executor, work)).toEqual([])
    expect(platform.puts()).toBe(before)
    expect(keysOf(work)).toEqual([])

    platform.lies.clear()
    platform.lies.set('tasks.getAssignment', passed)
    const bin = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')
    const env = { AGENT_MARKETPLACE_HOME: join(platform.directory, 'executor'), AGENT_MARKETPLACE_SERVER: platform.origin }
    const ended = await runCommand(
      bin,
      ['work', 'submit', '--assignment-id', work, ...files.flatMap((each) => ['--file', each]), '--json'],
      { env },
    )
    const doctor = await runCommand(bin, ['doctor', '--json'], { env })
    expect([ended.exit, JSON.parse(ended.stdout).error.code]).toEqual([8, 'key_changed'])
    expect(JSON.parse(doctor.stdout).checks).toContainEqual({ name: 'passes', ok: false, detail: expect.stringContaining(work) })

    platform.lies.clear()
    expect(await releaseDue(executor, other.work)).toMatchObject([{ outcome: 'released' }])
    await acceptAssignment(reviewer, review)
    await submitVerdict(reviewer, { reviewAssignmentId: review, outcome: 'passed', scoreBps: 10_000 })
    expect(await releaseDue(executor, work)).toMatchObject([{ outcome: 'released', sentTo: ['buyer'] }])
    expect(checkPasses(executor)).toMatch(/signed for/)
  })

  test('is not even announced where the platform hides the reviewers that the order names', async () => {
    const { work } = await hire()
    await sendOrder(buyer, { assignmentId: work, instructions: 'go', validators: {} })
    await acceptAssignment(executor, work)
    await expect
      .poll(() => receiveDrops(executor).then(() => findOrder(executor, { assignmentId: work, buyerId: 'buyer' })), SLOW)
      .toBeDefined()
    platform.lies.set('tasks.listReviewAssignments', (answer) => ({ ...answer, assignments: [] }))

    await expectCaught(() => submitWork(executor, { assignmentId: work, files: [file('result.json')] }))
  })

  test('is released on the word of the buyer, where its only reviewer has left', async () => {
    const { work, review } = await handIn()
    await mutate(reviewer, 'tasks.declineAssignment', { assignmentId: review })
    const { state } = await approveWork(buyer, { assignmentId: work })

    expect(state).toBe('passed')
    await expect
      .poll(() => releaseDue(executor, work), { timeout: 30_000, interval: 500 })
      .toMatchObject([{ outcome: 'released' }])
    expect(await approveWork(buyer, { assignmentId: work })).toMatchObject({ state: 'passed' })
    expect(listSent(buyer.vault, 'work.approve', work)).toHaveLength(1)
  })
})

describe('changes of key that never were', () => {
  /** The card of the executor under a key of the platform, and a rotation as the platform would write it. */
  async function forge(endorse: (card: SignedCard, own: Keyring) => string): Promise<{ card: SignedCard; rotation: Rotation }> {
    const { keyring } = executor
    const own = makeKeyring('executor', { name: 'x' }, Date.now())
    const { keyring: next } = replaceKey(keyring.card, { identityKey: own.signKey.secretKey }, { nowMs: Date.now() })
    const signature = endorse(next.card, own)
    return { card: next.card, rotation: { seq: 2, previousCard: keyring.card, card: next.card, endorsement: { signature } } }
  }

  test.for([
    ['is not explained', (_rotation: Rotation) => []],
    ['is explained by a word that is not the old key’s', (rotation: Rotation) => [rotation]],
    ['is explained by the same word many times', (rotation: Rotation) => [rotation, rotation]],
  ] as const)('another key that %s', async ([, explain]) => {
    const { card, rotation } = await forge((next, own) =>
      toBase64url(sign('card', Buffer.from(next.cardBytes, 'base64url'), own.signKey.secretKey)),
    )
    platform.lies.set('discovery.getAgent', (answer) =>
      replaceAll(answer, ({ agentId }) => (agentId === 'executor' ? { card } : {})),
    )
    platform.lies.set('identity.listRotations', () => ({ rotations: explain(rotation) }))

    await expectCaught(() => showAgent(buyer, 'executor'))
  })

  test('a true change of key is followed, and the card from before it is not taken any more', async () => {
    const old = await join_('rotating')
    await showAgent(buyer, 'rotating')
    const before = {
      agentId: 'rotating',
      card: old.keyring.card,
      prekey: currentPrekey(old.vault, old.keyring, Date.now()).signed,
    }
    await rotateKey(old)
    // The platform hides the change from one it told before.
    await showAgent(buyer, 'rotating')

    platform.lies.set('discovery.getAgent', (answer) =>
      replaceAll(answer, ({ agentId }) => (agentId === 'rotating' ? before : {})),
    )
    await expectCaught(() => showAgent(buyer, 'rotating'))
  })

  test('an earlier prekey shown again does not replace the newer one', async () => {
    const worker = await join_('renewing')
    await showAgent(buyer, 'renewing')
    const earlier = buyer.vault.get<{ prekey: Uint8Array }>('SELECT prekey FROM contacts WHERE agent_id = ?', 'renewing')
    const { signed: old } = currentPrekey(worker.vault, worker.keyring, Date.now())
    worker.vault.run('UPDATE prekeys SET issued_at_ms = 0')
    const { signed } = currentPrekey(worker.vault, worker.keyring, Date.now())
    await mutate(worker, 'identity.publishPrekey', { prekey: signed })
    await showAgent(buyer, 'renewing')

    platform.lies.set('discovery.getAgent', (answer) =>
      replaceAll(answer, ({ agentId }) => (agentId === 'renewing' ? { prekey: old } : {})),
    )
    await showAgent(buyer, 'renewing')

    const kept = buyer.vault.get<{ prekey: Uint8Array }>('SELECT prekey FROM contacts WHERE agent_id = ?', 'renewing')
    expect(kept).not.toEqual(earlier)
    expect(toBase64url(kept?.prekey ?? new Uint8Array())).toBe(signed.prekey)
  })

  test('one’s own card, taken back to an earlier one, is not built upon', async () => {
    const worker = await join_('rolled-back')
    const first = worker.keyring.card
    await rotateKey(worker)
    await rotateKey(worker)
    platform.lies.set('identity.whoami', (answer) => ({ ...answer, card: first }))

    await expectCaught(() => rotateKey(worker))
  })
})

test('another relay than before', async () => {
  await sendMessage(buyer, { to: 'reviewer', text: 'over the relay of always' })
  platform.lies.set('server.info', (answer) => ({ ...answer, relayOrigins: ['http://127.0.0.1:9'] }))
  const again = openAgent(optionsOf('buyer'))

  await expectCaught(() => sendMessage(again, { to: 'reviewer', text: 'secret' }))
})

test('events in another order, twice and about nothing neither lose a job nor do it twice', { timeout: 240_000 }, async () => {
  const hand = { executor: await join_('extractor', ['text.copy:2:3']), reviewer: await join_('judge', ['review.copy:2:1']) }
  const stop = new AbortController()
  const events: { event: string; assignmentId?: unknown }[] = []
  const run = (agent: Agent, more: Partial<DaemonRun>) =>
    runDaemon(openAgent({ ...optionsOf(agent.agentId), signal: stop.signal }), {
      ...more,
      signal: stop.signal,
      onEvent: (event) => events.push(event),
    })
  platform.lies.set('events.wait', ({ events: said, cursor }: { events: { assignmentId?: string }[]; cursor: number }) => {
    const foreign = said.map((event) => ({
      ...event,
      ...(event.assignmentId !== undefined && { assignmentId: `asg_${'0'.repeat(26)}` }),
    }))
    return { events: [...said, ...foreign, ...said].reverse(), cursor }
  })
  const daemons = [run(hand.executor, { exec: 'cp input/* output/' }), run(hand.reviewer, {})]
  try {
    await expect.poll(() => events.filter(({ event }) => event === 'started'), { timeout: 30_000 }).toHaveLength(2)
    const { taskId } = await mutate(buyer, 'tasks.createTask', {})
    const give = (kind: 'execute' | 'review', assigneeAgentId: string, price: string, targetAssignmentId?: string) =>
      assign(buyer, { taskId, kind, assigneeAgentId, price, ...(targetAssignmentId !== undefined && { targetAssignmentId }) })
    const { assignmentId } = await give('execute', 'extractor', '3')
    await give('review', 'judge', '1', assignmentId)
    await sendOrder(buyer, {
      assignmentId,
      instructions: 'copy',
      files: [file('result.json')],
      validators: { schema: { type: 'object' } },
    })

    const state = async () => (await query(buyer, 'tasks.getAssignment', { assignmentId })).assignment.state
    await expect.poll(state, { timeout: 120_000, interval: 500 }).toBe('passed')
    await expect.poll(() => events.filter((event) => event.event === 'submitted')).toHaveLength(1)
    expect(await query(hand.executor, 'settlement.balance', {})).toEqual({ available: '3', held: '0' })
    expect(await query(hand.reviewer, 'settlement.balance', {})).toEqual({ available: '1', held: '0' })
  } finally {
    stop.abort()
    await Promise.allSettled(daemons)
  }
})

/** A judge that lets everything pass: what it says is not what is tested. */
const passing: Judge = async () => ({ outcome: 'passed', scoreBps: 10_000, checks: [] })
