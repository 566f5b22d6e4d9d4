import { listSentMessages, type SentMessage } from '../private/sent.ts'
import type { Agent } from './agent.ts'
import { receiveDrops } from './receive-drops.ts'

const LIMIT_DEFAULT = 20

export interface Outbox {
  readonly messages: SentMessage[]
}

/** Take in what the relay has, receipts among it, and list what this agent sent, newest first, with how far each has come. */
export async function listOutbox(
  agent: Agent,
  input: {
    to?: string | undefined
    isWaiting?: boolean | undefined
    limit?: number | undefined
    signal?: AbortSignal | undefined
  } = {},
): Promise<Outbox> {
  const { to, isWaiting, limit = LIMIT_DEFAULT, signal } = input
  await receiveDrops(agent, { signal })
  return { messages: listSentMessages(agent.vault, { to, isWaiting, limit }) }
}
