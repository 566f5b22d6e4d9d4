import { FEED_WAIT_MAX_S } from '@agent-marketplace/protocol'
import {
  type DocumentOf,
  type DocumentTyp,
  type LockedArtifact,
  lockArtifacts,
  type SealedArtifact,
} from '@agent-marketplace/protocol/sealing'
import { countRejected, findMessage, listMessages, type Message, type MessageState, markMessage } from '../private/inbox.ts'
import { isMessageId } from '../private/message-id.ts'
import type { Agent } from './agent.ts'
import { CliError, usage } from './cli-error.ts'
import { deliverNow, type Held } from './deliver-outbox.ts'
import { fetchFiles } from './fetch-files.ts'
import { receiveDrops } from './receive-drops.ts'
import { type RelayAway, receiveIfReachable } from './receive-if-reachable.ts'
import { removeDue } from './remove-read.ts'
import type { OnProgress } from './seal-files.ts'
import { sealReceipt, sendReceipts } from './send-receipts.ts'
import { summarize } from './summarize.ts'

const LIMIT_DEFAULT = 20

export interface MessageSummary {
  readonly messageId: string
  readonly from: string
  /** That it is of `from` is its sender's word alone: the platform has not shown that agent's card yet. */
  readonly claimed?: true
  readonly typ: DocumentTyp
  readonly sentAtMs: number
  readonly state: MessageState
  readonly summary: string
}

export interface InboxInput {
  /** How long to wait for something new, s. */
  readonly waitS?: number | undefined
  readonly limit?: number | undefined
  readonly from?: string | undefined
  /** Only what arrived at this time or later, ms. */
  readonly sinceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The inbox as it is on this machine. */
export interface Inbox extends RelayAway {
  readonly messages: MessageSummary[]
  /** How many drops were for this agent and worth nothing. */
  readonly rejected: number
}

/**
 * Take in what the relay has and list the inbox, newest first. While the relay is away what is here is listed, unless something new is waited for.
 *
 * @throws CliError `unreachable` and the like with `waitS`.
 */
export async function readInbox(
  agent: Agent,
  { waitS = 0, limit = LIMIT_DEFAULT, from, sinceMs, signal }: InboxInput = {},
): Promise<Inbox> {
  const startMs = agent.now()
  const leftS = () => Math.max(0, waitS - (agent.now() - startMs) / 1000)
  // The feed is everybody's: that it grew does not mean that something is ours. A daemon may also have taken it in.
  const isSomethingNew = () => listMessages(agent.vault, { limit: 1, from, sinceMs: startMs }).length > 0
  const away = waitS > 0 ? {} : await receiveIfReachable(agent, { signal })
  while (leftS() > 0 && !isSomethingNew())
    await receiveDrops(agent, { waitS: Math.min(FEED_WAIT_MAX_S, Math.ceil(leftS())), signal })
  if (away.relayAway === undefined) {
    await sendReceipts(agent)
    await removeDue(agent)
  }

  const messages = listMessages(agent.vault, { limit, from, sinceMs }).map(toSummary)
  const rejected = Object.values(countRejected(agent.vault)).reduce((sum, count) => sum + count, 0)
  return { messages, rejected, ...away }
}

/** A message as it is shown, with its document whole. */
export interface OpenMessage extends Omit<MessageSummary, 'summary'> {
  /** As its sender wrote it, but for the keys of files: those stay in the vault, and `--out` uses them. */
  readonly document: object
  /** Paths of its files, where a directory for them was named. */
  readonly files?: string[]
}

/**
 * Show a message, and put its files into a directory.
 *
 * @throws CliError `not_found` for a message that is not here; as `fetchFiles`; `usage` for a directory where there are no files to put.
 */
export async function readMessage(
  agent: Agent,
  input: {
    messageId: string
    directory?: string | undefined
    signal?: AbortSignal | undefined
    onProgress?: OnProgress | undefined
  },
): Promise<OpenMessage> {
  const { messageId, directory, signal, onProgress } = input
  const message = await getMessage(agent, messageId, signal)
  const files =
    directory === undefined
      ? undefined
      : await fetchFiles(agent, { artifacts: openableFiles(message), directory, signal, onProgress })
  markMessage(agent.vault, messageId, 'opened')
  await sendReceipts(agent)
  const shown = toOpenMessage(findMessage(agent.vault, messageId) ?? message)
  return files ? { ...shown, files: files.map(({ path }) => path) } : shown
}

/** Tell the sender that a message was acted on. @throws CliError `not_found` for a message that is not here. */
export async function ackMessage(
  agent: Agent,
  { messageId, signal }: { messageId: string; signal?: AbortSignal | undefined },
): Promise<OpenMessage & Held> {
  const message = await getMessage(agent, messageId, signal)
  const receiptId = await sealReceipt(agent, message, 'acted')
  markMessage(agent.vault, messageId, 'acted')
  const held = await deliverNow(agent, [receiptId])
  return { ...toOpenMessage(findMessage(agent.vault, messageId) ?? message), ...held }
}

async function getMessage(agent: Agent, messageId: string, signal: AbortSignal | undefined): Promise<Message> {
  if (!isMessageId(messageId)) throw usage('this is not the id of a message', '`inbox` lists them')
  const known = findMessage(agent.vault, messageId)
  if (known) return known
  await receiveDrops(agent, { signal })
  const arrived = findMessage(agent.vault, messageId)
  if (!arrived) throw new CliError('not_found', 'there is no such message here', { hint: '`inbox` lists them' })
  return arrived
}

function openableFiles({ document }: Message): SealedArtifact[] {
  const described: readonly (SealedArtifact | LockedArtifact)[] = 'artifacts' in document ? document.artifacts : []
  const artifacts = described.flatMap((artifact) => ('K' in artifact ? artifact : []))
  if (artifacts.length === 0) throw usage('this message brings no files that can be opened')
  return artifacts
}

/** A summary of a message that has just arrived, or is listed. */
function toSummary({ messageId, from, isClaimed, typ, sentAtMs, state, document }: Message): MessageSummary {
  return { messageId, from, ...(isClaimed && { claimed: true }), typ, sentAtMs, state, summary: summarize(typ, document) }
}

function toOpenMessage({ messageId, from, isClaimed, typ, sentAtMs, state, document }: Message): OpenMessage {
  return { messageId, from, ...(isClaimed && { claimed: true }), typ, sentAtMs, state, document: withoutKeys(document) }
}

/** A document as it may be shown: the keys of its files stay in the vault. */
export function withoutKeys(document: DocumentOf<DocumentTyp>): object {
  return 'artifacts' in document ? { ...document, artifacts: lockArtifacts(document.artifacts) } : document
}
