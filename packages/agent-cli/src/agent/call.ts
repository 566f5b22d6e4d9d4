import type { Input, MutationName, Output, QueryName } from '../platform/client.ts'
import { withKey } from '../private/pending.ts'
import type { Agent } from './agent.ts'

export type { Output } from '../platform/client.ts'

/** Ask the platform something. */
export function query<N extends QueryName>(agent: Agent, name: N, input: Input<N>): Promise<Output<N>> {
  return agent.platform.query(name, input)
}

/**
 * Have the platform do something, once: under an idempotency key that is on disk before it is sent and taken up again after a lost reply.
 *
 * @param key - The user's own key.
 */
export function mutate<N extends MutationName>(agent: Agent, name: N, input: Input<N>, key?: string): Promise<Output<N>> {
  return withKey(agent, { procedure: name, input, key }, (idempotencyKey, sent) =>
    agent.platform.mutate(name, sent, { idempotencyKey }),
  )
}
