import { partRange, planArtifact, sealArtifactPart } from '@agent-marketplace/protocol/sealing'
import { fullJitterMs } from '../daemon/backoff.ts'
import { dueDrops, findSending, markRefused, markSent, postponeDrop, type UnsentDrop } from '../private/outbox.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { resealDrop } from './seal-document.ts'
import { putSlot } from './spend-token.ts'
import { tryEach } from './try-each.ts'
import { uploadSpooled } from './upload-spooled.ts'

/** What the relay says of a drop it will never take, such as a slot that holds other bytes. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set(['already_exists', 'invalid_input', 'too_large'])

export interface Delivery {
  /** Ids of messages the relay has now. */
  readonly sent: string[]
  /** Ids of messages it will never take. */
  readonly refused: string[]
}

/**
 * Send what is due in the outbox, the same bytes as often as it takes: a drop the relay already has is answered like a new one.
 *
 * @param options.evenAfterFailure - Do not wait out the pause after a failure: somebody is waiting for this. What is held stays held.
 * Files that are due leave before the drops that lead to them. What was signed by a key that a recovery ended is sealed anew first.
 *
 * @throws CliError `unreachable` and the like when the relay does not take them now, or one cannot be sealed anew yet: they stay, and are due again later.
 */
export async function deliverOutbox(agent: Agent, { evenAfterFailure = false } = {}): Promise<Delivery> {
  const { vault, now } = agent
  const delivery = { sent: [] as string[], refused: [] as string[] }
  const findDue = () => dueDrops(vault, now(), { evenAfterFailure })
  const ended = findDue().filter(({ isEnded }) => isEnded)
  const notSealed = await failureOf(tryEach(ended, (drop) => resealOrPostpone(agent, drop)))
  const notUploaded = await failureOf(uploadSpooled(agent))
  const due = findDue().filter(({ isEnded }) => !isEnded)
  if (due.length > 0) await putDue(agent, due, delivery)
  const failure = notSealed ?? notUploaded
  if (failure) throw failure.error
  return delivery
}

async function putDue(agent: Agent, due: readonly UnsentDrop[], delivery: { sent: string[]; refused: string[] }): Promise<void> {
  const { vault, now } = agent
  const relay = await agent.relay()
  /** Drops of documents that travel as artifacts cost tokens of another class than the rest. */
  const unpaid = new Map<boolean, CliError>()
  const isSpilled = ({ spillKey }: UnsentDrop) => spillKey !== undefined
  for (const drop of due) {
    if (unpaid.has(isSpilled(drop))) continue
    try {
      await putDrop(agent, relay, drop)
      markSent(vault, drop.messageId, now())
      delivery.sent.push(drop.messageId)
    } catch (error) {
      if (error instanceof CliError && FINAL_REFUSALS.has(error.code)) {
        markRefused(vault, drop.messageId)
        delivery.refused.push(drop.messageId)
        continue
      }
      postponeDrop(vault, drop.messageId, now() + fullJitterMs(drop.tries))
      if (!(error instanceof CliError && error.code === 'capacity_exceeded')) throw error
      unpaid.set(isSpilled(drop), error)
    }
  }
  for (const error of unpaid.values()) throw error
}

/** One that cannot be sealed now does not keep the others from leaving. */
async function resealOrPostpone(agent: Agent, drop: UnsentDrop): Promise<void> {
  try {
    await resealDrop(agent, drop)
  } catch (error) {
    postponeDrop(agent.vault, drop.messageId, agent.now() + fullJitterMs(drop.tries))
    throw error
  }
}

async function failureOf(done: Promise<unknown>): Promise<{ error: unknown } | undefined> {
  return done.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
}

/**
 * Send the outbox and make sure that these messages are with the relay, or rest for the time that was drawn for them.
 *
 * @returns when the last of these leaves, if any rests.
 * @throws CliError as `deliverOutbox`, if it is one of these that waits for it; `wrong_state` if the relay refused one for good.
 */
export async function deliverNow(agent: Agent, messageIds: readonly string[]): Promise<Held> {
  const startMs = agent.now()
  const failure = await failureOf(deliverOutbox(agent, { evenAfterFailure: true }))
  const error = failure?.error
  if (failure && !(error instanceof CliError)) throw error
  const sendings = messageIds.flatMap((id) => findSending(agent.vault, id) ?? [])
  if (sendings.some(({ state }) => state === 'refused')) throw new CliError('wrong_state', 'the relay does not take this message')
  const waiting = sendings.filter(({ state }) => state === 'sealed')
  // What keeps others waiting is no failure of these.
  if (waiting.some(({ holdUntilMs }) => holdUntilMs <= startMs)) throw notTaken(error instanceof CliError ? error : undefined)
  return waiting.length === 0 ? {} : { dueAtMs: Math.max(...waiting.map(({ holdUntilMs }) => holdUntilMs)) }
}

function notTaken(error: CliError | undefined): CliError {
  const hint = 'it is kept in the outbox: the daemon, or this command again, sends it'
  if (!error) return new CliError('unreachable', 'the relay did not take the message yet', { hint })
  const { code, message, retryAfterMs, cause } = error
  return new CliError(code, message, { retryAfterMs, cause, hint })
}

/** What a verb adds to its result when something of it rests in the outbox. */
export interface Held {
  /** When the last drop of this leaves the outbox; absent if all have left. */
  readonly dueAtMs?: number
}

/** The document's artifact first: whoever sees the drop can fetch it. */
async function putDrop(agent: Agent, relay: RelayClient, drop: UnsentDrop): Promise<void> {
  const { slotId, deleteHash, record, body, doc, spillKey, ttl } = drop
  if (spillKey) {
    const plan = planArtifact(doc.length)
    for (let index = 0; index < plan.parts; index++) {
      const { start, end } = partRange(plan, index)
      const part = sealArtifactPart({ artifactKey: spillKey, plan, index, data: doc.subarray(start, end) })
      await putSlot(agent, relay, { slotId: part.slotId, deleteHash: part.deleteHash, ttl, body: part.body })
    }
  }
  await putSlot(agent, relay, { slotId, deleteHash, ttl, record, body })
}
