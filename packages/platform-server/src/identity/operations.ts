import { type Contact, PAGE_MAX, type Rotation, type SignedPrekey, type Whoami } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { forgetDue } from '../forget-due.ts'
import { type Call, once } from '../idempotency/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { countByStatus, findAgent, findContact, updateStatus } from './agent-store.ts'
import { deleteExpiredInvites } from './invite-store.ts'
import { deleteExpiredPrekeys, findPrekeyExpiry, upsertPrekey } from './prekey-store.ts'
import { verifyPrekey } from './proof-rules.ts'
import { cardOf } from './registration.ts'
import { listRotationRecords } from './rotation-store.ts'
import { deleteExpiredNonces, deleteExpiredSessions, deleteSessionsOf } from './session-store.ts'
import { type Caller, roleOf } from './sessions.ts'
import { getAgent } from './standing.ts'

/** What other slices, and the router, may do with identities. */
export { lockAgent } from './agent-store.ts'
export { listInvites, makeInvite, revokeInvite } from './invites.ts'
export { openRecovery } from './recovery.ts'
export { register } from './registration.ts'
export { type Caller, findCaller, openSession } from './sessions.ts'
export { changeStanding, changeTrustTier, getAgent, type StandingChange } from './standing.ts'

/** Publish the key that others seal to from now on. An older one than the stored one changes nothing. */
export function publishPrekey(deps: Deps, call: Call, prekey: SignedPrekey): Promise<{ agentId: string; expiresAtMs: number }> {
  return once(deps, call, prekey, async (tx) => {
    const { signKey } = await getAgent(tx, call.callerId)
    verifyPrekey(prekey, { agentId: call.callerId, signKey, nowMs: deps.now() })
    await upsertPrekey(tx, prekey)
    return { agentId: call.callerId, expiresAtMs: prekey.expiresAtMs }
  })
}

export function whoami(deps: Deps, { agentId }: Caller): Promise<Whoami> {
  return deps.db.read(async (reader) => {
    const agent = await getAgent(reader, agentId)
    const prekeyExpiresAtMs = await findPrekeyExpiry(reader, agentId)
    const { status, trustTier } = agent
    return {
      agentId,
      status,
      role: roleOf(deps, agentId),
      trustTier,
      card: cardOf(agent),
      ...(prekeyExpiresAtMs !== undefined && { prekeyExpiresAtMs }),
    }
  })
}

/** How an agent came from the key of an earlier card to its key of today, oldest change first. @throws Refusal `not_found` */
export function listRotations(
  deps: Deps,
  { agentId, afterSeq }: { agentId: string; afterSeq: number },
): Promise<{ rotations: Rotation[] }> {
  return deps.db.read(async (reader) => {
    if (!(await findAgent(reader, agentId))) throw notFound('agent')
    return { rotations: await listRotationRecords(reader, { agentId, afterSeq, limit: PAGE_MAX }) }
  })
}

/** Cards and prekeys of these agents, for a reader that works with them. */
export async function listContacts(deps: Deps, reader: Reader, agentIds: readonly string[]): Promise<Contact[]> {
  const contacts: Contact[] = []
  for (const agentId of agentIds) {
    const contact = await findContact(reader, agentId, deps.now())
    if (contact) contacts.push(contact)
  }
  return contacts
}

/** How many agents there are of each status. */
export async function countAgents(
  reader: Reader,
): Promise<{ active: number; pending: number; suspended: number; deregistered: number }> {
  const counts = await countByStatus(reader)
  const of = (status: string) => counts.get(status) ?? 0
  return { active: of('active'), pending: of('pending'), suspended: of('suspended'), deregistered: of('deregistered') }
}

/** End an agent's registration: no session, no new one. Its id stays taken. @throws Refusal `wrong_state` for one that was suspended meanwhile. */
export async function closeIdentity(tx: Tx, agentId: string): Promise<void> {
  // Who was suspended just now would come back active.
  if (!(await updateStatus(tx, agentId, 'active', 'deregistered'))) throw new Refusal('wrong_state', 'the agent is not active')
  await deleteSessionsOf(tx, agentId)
}

/** Forget sessions, nonces, prekeys and invites that have expired. @returns how many. */
export async function sweepIdentity(deps: Deps): Promise<number> {
  let forgotten = 0
  for (const deleteExpired of [deleteExpiredSessions, deleteExpiredNonces, deleteExpiredPrekeys, deleteExpiredInvites])
    forgotten += await forgetDue(deps.db, (tx, limit) => deleteExpired(tx, deps.now(), limit))
  return forgotten
}
