import { timingSafeEqual } from 'node:crypto'
import {
  type AgentStatus,
  type Endorsement,
  type RegisterInput,
  type Registration,
  toBase64url,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { once } from '../idempotency/operations.ts'
import type { Tx } from '../storage/database.ts'
import { checkMayUpdate, decideAdmission } from './admission-rules.ts'
import { type AgentRow, findAgent, insertAgent, listCounterparties, updateCard, updateStatus } from './agent-store.ts'
import { checkFirstCard, decideUpdate, type VerifiedCard, verifyCard } from './card-rules.ts'
import { takeInvite } from './invite-store.ts'
import { deletePrekey, upsertPrekey } from './prekey-store.ts'
import { verifyPrekey, verifyProof } from './proof-rules.ts'
import { insertRotation } from './rotation-store.ts'
import { deleteSessionsOf } from './session-store.ts'
import { isOperator, useNonce } from './sessions.ts'
import { hashToken, isToken } from './token.ts'

/**
 * Register an agent, or update the card of a registered one. The card and the proof show possession of the key.
 *
 * @throws Refusal `unauthenticated`, `invalid_input`, `forbidden` (no invite), `already_exists` (the id belongs to another key),
 *   `wrong_state` (the card does not follow the stored one), `agent_suspended`, `agent_pending`.
 */
export function register(
  deps: Deps,
  { procedure, key }: { procedure: string; key: string },
  input: RegisterInput,
): Promise<Registration> {
  const verified = verifyCard(input.card)
  const { agentId } = verified.card
  const nowMs = deps.now()
  if (input.proof.agentId !== agentId) throw new Refusal('unauthenticated', 'card and proof name different agents')
  verifyProof(input.proof, { signKey: verified.signKey, audience: deps.config.origin, nowMs })
  verifyPrekey(input.prekey, { agentId, signKey: verified.signKey, nowMs })

  // A retry after a lost reply carries a fresh proof; card and prekey make it the same call.
  return once(deps, { callerId: agentId, procedure, key }, { card: input.card, prekey: input.prekey }, async (tx) => {
    await useNonce(tx, input.proof)
    const known = await findAgent(tx, agentId)
    const registration = known
      ? await updateIdentity(deps, tx, { known, verified, endorsement: input.endorsement })
      : await createIdentity(deps, tx, verified, input.registrationToken)
    if (verified.card.status === 'active') await upsertPrekey(tx, input.prekey)
    return registration
  })
}

async function createIdentity(deps: Deps, tx: Tx, verified: VerifiedCard, token: string | undefined): Promise<Registration> {
  const { agentId } = verified.card
  checkFirstCard(verified.card)
  const status = await admit(deps, tx, agentId, token)
  if (!(await insertAgent(tx, verified, { status, atMs: deps.now() })))
    throw new Refusal('already_exists', 'this agent id was taken just now')
  return { agentId, outcome: 'registered', status }
}

async function admit(deps: Deps, tx: Tx, agentId: string, token: string | undefined): Promise<AgentStatus> {
  const { registration: policy, registrationToken } = deps.config
  const isShared = token !== undefined && registrationToken !== undefined && sameSecret(token, registrationToken)
  // An invite is used up only where it is what lets the newcomer in.
  const mayUseInvite = policy === 'invite' && !isShared && token !== undefined && isToken('invite', token)
  const isInvited = mayUseInvite && !isOperator(deps, agentId) && (await takeInvite(tx, hashToken(token), deps.now()))
  return decideAdmission({
    policy,
    isOperator: isOperator(deps, agentId),
    hasSharedToken: registrationToken !== undefined,
    brings: isShared ? 'shared token' : isInvited ? 'invite' : 'nothing',
  })
}

function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(hashToken(a), hashToken(b))
}

async function updateIdentity(
  deps: Deps,
  tx: Tx,
  { known, verified, endorsement }: { known: AgentRow; verified: VerifiedCard; endorsement: Endorsement | undefined },
): Promise<Registration> {
  const { agentId, status } = known
  const change = decideUpdate(known, verified, endorsement)
  checkMayUpdate(status, change)
  if (change !== 'same') {
    if (!(await updateCard(tx, verified))) throw new Refusal('wrong_state', 'the card was updated just now')
    await appendEvents(deps, tx, await listCounterparties(tx, agentId), { kind: 'card.changed', agentId })
  }
  if (change === 'rotation' && endorsement) await rotate(tx, { known, next: verified, endorsement })
  if (verified.card.status === 'revoked') await deletePrekey(tx, agentId)
  if (status !== 'deregistered' || verified.card.status === 'revoked') return { agentId, outcome: 'updated', status }
  await updateStatus(tx, agentId, 'deregistered', 'active')
  return { agentId, outcome: 'updated', status: 'active' }
}

/** The old key ends with all that hangs on it: sessions it opened, the prekey it signed. */
async function rotate(tx: Tx, change: { known: AgentRow; next: VerifiedCard; endorsement: Endorsement }): Promise<void> {
  const { agentId } = change.known
  await insertRotation(tx, change)
  await deleteSessionsOf(tx, agentId)
  await deletePrekey(tx, agentId)
}

/** The card of a stored agent as the wire carries it. */
export function cardOf({ cardBytes, cardSignature }: AgentRow): { cardBytes: string; signature: string } {
  return { cardBytes: toBase64url(cardBytes), signature: toBase64url(cardSignature) }
}
