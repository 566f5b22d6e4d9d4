import type { BeatReply } from '@agent-marketplace/protocol'
import type { Input } from '../platform/client.ts'
import type { Agent } from './agent.ts'

/** Show that the agent is online. A beat is safe to repeat and needs no idempotency key. */
export function beat(agent: Agent, input: Input<'heartbeat.beat'>): Promise<BeatReply> {
  return agent.platform.mutate('heartbeat.beat', input)
}
