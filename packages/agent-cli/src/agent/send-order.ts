import { isDeepStrictEqual } from 'node:util'
import type { Assignment, Contact } from '@agent-marketplace/protocol'
import type { DocumentOf, Validators } from '@agent-marketplace/protocol/sealing'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError, usage } from './cli-error.ts'
import { deliverNow, type Held } from './deliver-outbox.ts'
import { assigneeOf, isOpen, readReviews, refuseUnless } from './handoff-parties.ts'
import { readAssignment } from './lease.ts'
import { toOrderId } from './order-id.ts'
import { pinAll } from './pin-all.ts'
import { sealAgain } from './seal-again.ts'
import { sealDocument } from './seal-document.ts'
import { type OnProgress, sealFiles } from './seal-files.ts'
import { findSentOrder, orderPurpose, sealBriefs } from './send-briefs.ts'

export interface OrderInput {
  readonly assignmentId: string
  /** Needed the first time; later the order that was sent stands. */
  readonly instructions?: string | undefined
  readonly files?: readonly string[] | undefined
  readonly validators?: Validators | undefined
  /** One more agent that gets the work, beside the buyer. */
  readonly deliverTo?: string | undefined
  /** What was sent before goes to everybody once more: some have lost it. */
  readonly isAgain?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

export interface OrderReceipt extends Held {
  readonly orderId: string
  /** Everybody who has been sent the order or its brief, the executor first. */
  readonly sentTo: string[]
}

/**
 * Send the order of an assignment to its executor, and the brief to the reviewers named so far. Run again, it sends what was not sent yet:
 * after an interruption, or to reviewers named since; with `isAgain` also what was, the same to the byte. An order that was sent is never replaced by another.
 *
 * @throws CliError `forbidden` unless the caller is the buyer, `wrong_state` once the assignment is over, `already_exists` for another order
 *   than the one sent, `usage`, `key_changed`, `unreachable` and the like.
 */
export async function sendOrder(agent: Agent, input: OrderInput): Promise<OrderReceipt> {
  const assignment = await readAssignment(agent, input.assignmentId)
  refuseUnless(assignment.buyerId === agent.agentId, 'only the buyer of an assignment sends its order')
  if (assignment.kind !== 'execute') throw usage('a review has no order: its brief is sent with the order of its target')
  if (!isOpen(assignment)) throw new CliError('wrong_state', `the assignment is ${assignment.state}`)
  const executor = assigneeOf(assignment)

  const reviews = await readReviews(agent, assignment.assignmentId)
  const sentBefore = findSentOrder(agent, assignment.assignmentId)?.document
  if (sentBefore) await refuseAnother(agent, input, sentBefore)
  const order = sentBefore ?? (await writeOrder(agent, input, assignment, reviews))

  const messageId = await sealDocument(agent, {
    to: executor,
    typ: 'order.offer',
    document: order,
    purpose: orderPurpose(order.assignmentId),
  })
  const briefs = await sealBriefs(agent, order, reviews)
  const messageIds = [messageId, ...briefs.values()]
  const again = input.isAgain ? await sealAgain(agent, messageIds) : []
  const held = await deliverNow(agent, [...messageIds, ...again])
  const sent = findSentOrder(agent, order.assignmentId)
  if (!sent) throw new Error('a sealed order is found')
  return { orderId: toOrderId(sent.hash), sentTo: [...new Set([executor, ...briefs.keys()])], ...held }
}

async function writeOrder(
  agent: Agent,
  input: OrderInput,
  { taskId }: Assignment,
  reviews: readonly Assignment[],
): Promise<DocumentOf<'order.offer'>> {
  const { assignmentId, instructions, validators = {}, deliverTo } = input
  if (instructions === undefined) throw usage('say what is to be done: --instructions')
  const recipient = deliverTo === undefined ? undefined : await introduce(agent, deliverTo)
  const { reviewRule } = await query(agent, 'tasks.getTask', { taskId })
  return {
    v: 1,
    assignmentId,
    instructions,
    artifacts: await uploadInput(agent, input),
    validators,
    reviewers: reviews.filter(isOpen).flatMap(({ assigneeId }) => assigneeId ?? []),
    reviewRule,
    ...(recipient && { deliverTo: recipient }),
  }
}

function uploadInput(agent: Agent, { assignmentId, files = [], signal, onProgress }: OrderInput) {
  return sealFiles(agent, { purpose: orderPurpose(assignmentId), paths: files, signal, onProgress })
}

/** Whoever delivers pins this card: the buyer vouches for it by signing the order. */
async function introduce(agent: Agent, agentId: string): Promise<Contact> {
  const { card, prekey } = await query(agent, 'discovery.getAgent', { agentId })
  const contact = { agentId, card, ...(prekey && { prekey }) }
  await pinAll(agent, [contact])
  return contact
}

/** What the command line says, where it says something, must be what was sent. */
async function refuseAnother(agent: Agent, input: OrderInput, sent: DocumentOf<'order.offer'>): Promise<void> {
  const { instructions, files, validators, deliverTo } = input
  const contents = (artifacts: readonly { name: string; sha256: string }[]) => artifacts.map(({ name, sha256 }) => [name, sha256])
  const isSame =
    (instructions === undefined || instructions === sent.instructions) &&
    (validators === undefined || isDeepStrictEqual(JSON.parse(JSON.stringify(validators)), sent.validators)) &&
    (deliverTo === undefined || deliverTo === sent.deliverTo?.agentId) &&
    (files === undefined || isDeepStrictEqual(contents(await uploadInput(agent, input)), contents(sent.artifacts)))
  if (!isSame)
    throw new CliError('already_exists', 'another order was sent for this assignment, and the executor may be at work on it', {
      hint: 'without content flags this command sends the brief to reviewers named since',
    })
}
