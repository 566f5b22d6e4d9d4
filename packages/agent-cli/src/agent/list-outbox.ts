import { listSentMessages, type SentMessage } from '../private/sent.ts'
import type { Agent } from './agent.ts'
import { type RelayAway, receiveIfReachable } from './receive-if-reachable.ts'

const LIMIT_DEFAULT = 20

export interface Outbox extends RelayAway {
  readonly messages: SentMessage[]
}

/** Take in what the relay has, receipts among it, and list what this agent sent, newest first, with how far each has come as far as is known here. */
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
  const away = await receiveIfReachable(agent, { signal })
  return { messages: listSentMessages(agent.vault, { to, isWaiting, limit }), ...away }
}
