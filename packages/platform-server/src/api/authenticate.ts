import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { noteCall } from '../heartbeat/operations.ts'
import { type Caller, findCaller } from '../identity/operations.ts'

export type { Caller } from '../identity/operations.ts'

/**
 * Find who a session token speaks for. Any authenticated call counts as a beat.
 *
 * @throws Refusal `unauthenticated` or `session_expired`.
 */
export async function authenticate(deps: Deps, token: string | undefined): Promise<Caller> {
  if (token === undefined)
    throw new Refusal('unauthenticated', 'this call needs a session', { hint: 'open one with identity.openSession' })
  const caller = await findCaller(deps, token)
  noteCall(deps, caller.agentId)
  return caller
}
