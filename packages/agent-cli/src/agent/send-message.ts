import { randomUUID } from 'node:crypto'
import type { RelayTtl } from '@agent-marketplace/protocol'
import { type DocumentOf, type DocumentTyp, documentHash, planArtifact, writeDocument } from '@agent-marketplace/protocol/sealing'
import { findUnsent } from '../private/outbox.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { usage } from './cli-error.ts'
import { deliverNow, type Held } from './deliver-outbox.ts'
import { pinAll } from './pin-all.ts'
import { sealDocument } from './seal-document.ts'
import { type OnProgress, sealFiles } from './seal-files.ts'

/** Who a broadcast reaches at most. */
const BROADCAST_MAX = 100

export interface FreeMessage {
  readonly to: string
  readonly text: string
  /** Repeated with the same key, it is the same message. Without one, it is the same as long as the relay does not have it. */
  readonly key?: string | undefined
}

/**
 * Send a text to an agent.
 *
 * @throws CliError `usage` for an empty text, as `resolveContact`, `unreachable` and the like: then it is kept and sent later.
 */
export async function sendMessage(agent: Agent, { to, text, key }: FreeMessage): Promise<{ messageId: string } & Held> {
  const messageId = await sealFree(agent, { to, typ: 'message.text', document: textDocument(text), key })
  return { messageId, ...(await deliverNow(agent, [messageId])) }
}

/**
 * Send a text to the live agents that offer a capability, each sealed on its own.
 *
 * @throws CliError `not_found` if there are none.
 */
export async function broadcastMessage(
  agent: Agent,
  { capability, text, key }: { capability: string; text: string; key?: string | undefined },
): Promise<{ messageIds: string[] } & Held> {
  const document = textDocument(text)
  const { candidates } = await query(agent, 'discovery.discover', { capability, includeBusy: true, limit: BROADCAST_MAX })
  await pinAll(
    agent,
    candidates.map(({ agentId, card, prekey }) => ({ agentId, card, ...(prekey && { prekey }) })),
  )
  const messageIds: string[] = []
  for (const { agentId, prekey } of candidates) {
    // One who has no key to seal to does not keep the others from hearing it.
    if (prekey) messageIds.push(await sealFree(agent, { to: agentId, typ: 'message.text', document, key }))
  }
  return { messageIds, ...(await deliverNow(agent, messageIds)) }
}

/**
 * Hand files to an agent, outside any assignment.
 *
 * @returns The size of the files and how many parts they travel in.
 * @throws CliError as `sealFiles` and `sendMessage`.
 */
export async function sendFiles(
  agent: Agent,
  input: {
    to: string
    files: readonly string[]
    ttl?: RelayTtl | undefined
    key?: string | undefined
    signal?: AbortSignal | undefined
    onProgress?: OnProgress | undefined
  },
): Promise<{ messageId: string; bytes: number; parts: number } & Held> {
  const { to, files, ttl, key, signal, onProgress } = input
  if (files.length === 0) throw usage('name at least one file: --file')
  const artifacts = await sealFiles(agent, { purpose: `handoff ${to}`, paths: files, ttl, signal, onProgress })
  const messageId = await sealFree(agent, { to, typ: 'handoff.files', document: { v: 1, artifacts }, key })
  const held = await deliverNow(agent, [messageId])
  return {
    messageId,
    bytes: artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
    parts: artifacts.reduce((sum, { bytes }) => sum + planArtifact(bytes).parts, 0),
    ...held,
  }
}

/** The same document to the same agent is taken for the same message while it waits in the outbox: a command repeated after a failure sends one. */
function sealFree<T extends DocumentTyp>(
  agent: Agent,
  { to, typ, document, key }: { to: string; typ: T; document: DocumentOf<T>; key: string | undefined },
): Promise<string> {
  const waiting =
    key === undefined
      ? findUnsent(agent.vault, { to, typ, hash: documentHash(writeDocument(typ, document)) }, agent.now())
      : undefined
  const purpose = waiting ?? `${typ} ${to} ${key ?? randomUUID()}`
  return sealDocument(agent, { to, typ, document, purpose })
}

function textDocument(text: string): DocumentOf<'message.text'> {
  if (text === '') throw usage('the text is empty')
  return { v: 1, text }
}
