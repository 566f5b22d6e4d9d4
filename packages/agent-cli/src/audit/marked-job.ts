import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBase64url } from '@agent-marketplace/protocol'
import type { SealedArtifact } from '@agent-marketplace/protocol/sealing'
import type { Agent } from '../agent/agent.ts'
import { assign } from '../agent/assign.ts'
import { mutate } from '../agent/call.ts'
import { deliverNow } from '../agent/deliver-outbox.ts'
import { fetchWork } from '../agent/fetch-work.ts'
import { acceptAssignment } from '../agent/lease.ts'
import { readMessage } from '../agent/read-inbox.ts'
import { releaseDue } from '../agent/release-key.ts'
import { runReview } from '../agent/run-review.ts'
import { sealDocument } from '../agent/seal-document.ts'
import { sendFiles, sendMessage } from '../agent/send-message.ts'
import { sendOrder } from '../agent/send-order.ts'
import { showOrder } from '../agent/show-order.ts'
import { submitWork } from '../agent/submit-work.ts'
import { findDocuments, findMessage } from '../private/inbox.ts'
import { findSent, listSent } from '../private/outbox.ts'
import { livePrekeys } from '../private/prekeys.ts'
import { dueRemovals } from '../private/removals.ts'
import { findSubmission } from '../private/submissions.ts'
import { AUDIT_CAPABILITY, type AuditMarket, receiveUntil } from './audit-market.ts'
import type { Mark } from './search-marks.ts'

/** Fields a person or an agent fills with what is nobody's business. */
const FIELDS = [
  ...['instructions', 'input-name', 'input', 'schema', 'rule', 'result-name', 'result', 'message', 'file-name', 'file', 'reason'],
] as const

/**
 * Do a whole job whose every private field carries a mark of its own: order, work, review, pay, delivery, then a message, files, an assignment that is
 * declined with a reason, and the deletion of what was read.
 *
 * @param padding - Put behind the marks in instructions, input, result, message and file, to make them longer.
 * @returns The marks, with the keys and hashes that came to be: none of them may leave this machine but sealed.
 */
export async function runMarkedJob(
  market: AuditMarket,
  { padding = '', signal }: { padding?: string; signal?: AbortSignal | undefined } = {},
): Promise<Mark[]> {
  const run = randomBytes(8).toString('hex')
  const texts = Object.fromEntries(FIELDS.map((field) => [field, `audit-${field}-${run}`])) as Record<
    (typeof FIELDS)[number],
    string
  >
  const { buyer, executor, reviewer, directory, price } = market
  const place = join(directory, 'files')
  await mkdir(place)
  const file = async (name: string, content: string) => {
    const path = join(place, name)
    await writeFile(path, content)
    return path
  }

  const { taskId } = await mutate(buyer, 'tasks.createTask', {})
  const hire = (agent: Agent, duty: { kind: 'execute' } | { kind: 'review'; targetAssignmentId: string }) =>
    assign(buyer, { taskId, assigneeAgentId: agent.agentId, capability: AUDIT_CAPABILITY, price, ...duty })
  const { assignmentId } = await hire(executor, { kind: 'execute' })
  const { assignmentId: reviewId } = await hire(reviewer, { kind: 'review', targetAssignmentId: assignmentId })
  await sendOrder(buyer, {
    assignmentId,
    instructions: texts.instructions + padding,
    files: [await file(`${texts['input-name']}.txt`, texts.input + padding)],
    validators: {
      schema: { type: 'object', title: texts.schema },
      rules: {
        version: 1,
        threshold: 1,
        rules: [{ id: texts.rule, pointer: '/value', op: 'eq', value: texts.result + padding, weight: 1 }],
      },
    },
    signal,
  })

  await acceptAssignment(executor, assignmentId)
  await receiveUntil(executor, () => findDocuments(executor.vault, 'order.offer', { assignmentId })[0], signal)
  await showOrder(executor, { assignmentId, directory: join(place, 'order'), signal })
  const result = await file(`${texts['result-name']}.json`, JSON.stringify({ value: texts.result + padding }))
  await submitWork(executor, { assignmentId, files: [result], signal })

  await acceptAssignment(reviewer, reviewId)
  await receiveUntil(reviewer, () => findDocuments(reviewer.vault, 'work.ready', { assignmentId })[0], signal)
  await receiveUntil(reviewer, () => findDocuments(reviewer.vault, 'review.brief', { assignmentId: reviewId })[0], signal)
  await runReview(reviewer, { reviewAssignmentId: reviewId, submit: true, signal })
  await releaseDue(executor, assignmentId)
  await receiveUntil(buyer, () => findDocuments(buyer.vault, 'work.key', { assignmentId })[0], signal)
  await fetchWork(buyer, { assignmentId, directory: join(place, 'work'), signal })

  const message = await sendMessage(buyer, { to: executor.agentId, text: texts.message + padding })
  await sendFiles(buyer, {
    to: executor.agentId,
    files: [await file(`${texts['file-name']}.txt`, texts.file + padding)],
    ttl: '1h',
    signal,
  })
  await receiveUntil(executor, () => findMessage(executor.vault, message.messageId), signal)
  await readMessage(executor, { messageId: message.messageId })
  const declined = await hire(executor, { kind: 'execute' })
  await decline(executor, declined.assignmentId, { to: buyer.agentId, reason: texts.reason })
  await deleteWhatWasRead(executor)

  return [...FIELDS.map((from) => ({ from, text: texts[from] })), ...secretsOf(market, assignmentId)]
}

async function decline(agent: Agent, assignmentId: string, { to, reason }: { to: string; reason: string }): Promise<void> {
  await mutate(agent, 'tasks.declineAssignment', { assignmentId })
  const document = { v: 1 as const, assignmentId, reason }
  await deliverNow(agent, [await sealDocument(agent, { to, typ: 'order.decline', document, purpose: `decline ${assignmentId}` })])
}

/** Now, and not later: an audit looks at what is sent, not when. */
async function deleteWhatWasRead(agent: Agent): Promise<void> {
  const relay = await agent.relay()
  for (const removal of dueRemovals(agent.vault, Number.MAX_SAFE_INTEGER)) await relay.remove(removal)
}

function secretsOf({ buyer, executor, reviewer }: AuditMarket, assignmentId: string): Mark[] {
  const order = findSent(buyer.vault, 'order.offer', `order.offer ${assignmentId}`)
  const artifacts = [...(order?.document.artifacts ?? []), ...(findSubmission(executor.vault, assignmentId, 1)?.artifacts ?? [])]
  const documents = [...(order ? [order] : []), ...listSent(executor.vault, 'work.ready', assignmentId)]
  return [
    ...artifacts.flatMap(({ K, sha256 }: SealedArtifact) => [bytesMark('artifact-key', K), bytesMark('content-hash', sha256)]),
    ...documents.map(({ hash }) => bytesMark('document-hash', hash)),
    ...[buyer, executor, reviewer].flatMap(({ vault, keyring, now }) => [
      { from: 'identity-key', bytes: keyring.signKey.secretKey.slice(0, 32) },
      ...livePrekeys(vault, now()).map(({ secretKey }) => ({ from: 'prekey-secret', bytes: secretKey })),
    ]),
  ]
}

function bytesMark(from: string, base64url: string): Mark {
  return { from, bytes: fromBase64url(base64url) ?? new Uint8Array() }
}
