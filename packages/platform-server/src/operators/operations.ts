import { type Audit, type CreatedInvite, type Invite, LIMITED_TRUST_TIER, type Standing } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { type Call, once } from '../idempotency/operations.ts'
import {
  changeStanding,
  changeTrustTier,
  countAgents,
  makeInvite,
  revokeInvite,
  type StandingChange,
} from '../identity/operations.ts'
import { auditLedger } from '../settlement/operations.ts'

/**
 * Make an invite. Its token is told in the first answer only: a stored reply would be a stored secret.
 *
 * @param trustTier - Of the caller: an operator that the others trust least invites nobody.
 * @throws Refusal `invalid_input`, `forbidden`.
 */
export async function createInvite(
  deps: Deps,
  call: Call,
  { uses, expiresAtMs, trustTier }: { uses: number; expiresAtMs: number; trustTier: number },
): Promise<CreatedInvite> {
  if (trustTier === LIMITED_TRUST_TIER) throw new Refusal('forbidden', 'an agent of this trust tier invites nobody')
  let token: string | undefined
  const invite = await once(deps, call, { uses, expiresAtMs }, async (tx) => {
    const made = await makeInvite(deps, tx, { operatorId: call.callerId, uses, expiresAtMs })
    token = made.token
    return made.invite
  })
  return { ...invite, ...(token !== undefined && { token }) }
}

/** Let an invite admit nobody any more. @throws Refusal `not_found`, `wrong_state`. */
export function endInvite(deps: Deps, call: Call, inviteId: string): Promise<Invite> {
  return once(deps, call, { inviteId }, (tx) => revokeInvite(deps, tx, inviteId))
}

/** Approve, suspend or resume an agent. @throws Refusal `not_found`, `wrong_state`, `forbidden`. */
export function decideStanding(deps: Deps, call: Call, agentId: string, change: StandingChange): Promise<Standing> {
  return once(deps, call, { agentId }, (tx) => changeStanding(deps, tx, agentId, change))
}

/** Set how far an agent is trusted. @throws Refusal `forbidden` for the caller's own tier; `not_found`. */
export async function setTrustTier(
  deps: Deps,
  call: Call,
  { agentId, trustTier }: { agentId: string; trustTier: number },
): Promise<Standing> {
  if (agentId === call.callerId) throw new Refusal('forbidden', 'nobody changes their own trust tier')
  return once(deps, call, { agentId, trustTier }, (tx) => changeTrustTier(tx, agentId, trustTier))
}

/** Counts of agents, counts and sums of the ledger, and which of its laws do not hold. Nothing of any one agent. */
export function audit(deps: Deps): Promise<Audit> {
  return deps.db.read(async (reader) => ({ agents: await countAgents(reader), ledger: await auditLedger(reader) }))
}
