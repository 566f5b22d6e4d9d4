import type { CreatedInvite } from '@agent-marketplace/protocol'
import { withKey } from '../private/pending.ts'
import type { Agent } from './agent.ts'

/**
 * Make an invite. After a lost reply the same command finds out what became of it: the invite, but not its token, which is told once.
 *
 * @param input - `expiresInMs` counts from now; a repeated command keeps the end of the first try.
 */
export function createInvite(
  agent: Agent,
  { uses, expiresInMs }: { uses: number; expiresInMs: number },
  key?: string,
): Promise<CreatedInvite> {
  const input = { uses, expiresAtMs: agent.now() + expiresInMs }
  const intent = { procedure: 'operators.createInvite', input, sameAs: { uses, expiresInMs }, key }
  return withKey(agent, intent, (idempotencyKey, sent) =>
    agent.platform.mutate('operators.createInvite', sent, { idempotencyKey }),
  )
}
