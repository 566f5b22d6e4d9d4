import type { Deps } from '../deps.ts'
import { forgetPresence } from '../heartbeat/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { closeIdentity } from '../identity/operations.ts'
import { withdrawCapabilities } from '../registry/operations.ts'
import { cancelDutiesOf } from '../tasks/operations.ts'

/**
 * An agent leaves: its sessions end, it is hidden, what it has not accepted is cancelled. What it submitted goes on, its money stays its own.
 */
export function deregister(deps: Deps, call: Call): Promise<{ agentId: string; deregistered: true }> {
  return once(deps, call, {}, async (tx) => {
    await closeIdentity(tx, call.callerId)
    await withdrawCapabilities(tx, call.callerId)
    await forgetPresence(deps, tx, call.callerId)
    await cancelDutiesOf(deps, tx, call.callerId)
    return { agentId: call.callerId, deregistered: true }
  })
}
