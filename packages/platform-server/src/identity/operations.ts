import { timingSafeEqual } from 'node:crypto'
import {
  type AgentStatus,
  type Contact,
  type OpenedSession,
  type RegisterInput,
  type Registration,
  SESSION_CLOCK_SKEW_MS,
  SESSION_TTL_MS,
  SESSIONS_PER_AGENT_MAX,
  type SessionProof,
  type SignedPrekey,
  toBase64url,
  type Whoami,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { type Call, once } from '../idempotency/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { checkFirstCard, decideUpdate, type VerifiedCard, verifyCard, verifyPrekey, verifyProof } from './rules.ts'
import { hashSessionToken, isSessionToken, makeSessionToken } from './session-token.ts'
import {
  type AgentRow,
  deleteExpiredLogins,
  deleteSessionsOf,
  findAgent,
  findContact,
  findPrekeyExpiry,
  findSession,
  insertAgent,
  insertNonce,
  insertSession,
  listCounterparties,
  updateCard,
  updateStatus,
  upsertPrekey,
} from './store.ts'

/** Who makes an authenticated call. */
export interface Caller {
  readonly agentId: string
  readonly status: AgentStatus
  readonly role: 'agent' | 'operator'
  readonly trustTier: number
}

/**
 * Register an agent, or update the card of a registered one. The card and the proof show possession of the key.
 *
 * @throws Refusal `unauthenticated`, `invalid_input`, `forbidden` (registration is not open), `already_exists` (the id belongs to another key), `wrong_state` (the card does not follow the stored one).
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
      ? await updateIdentity(deps, tx, known, verified)
      : await createIdentity(deps, tx, verified, input.registrationToken)
    await upsertPrekey(tx, input.prekey)
    return registration
  })
}

async function createIdentity(deps: Deps, tx: Tx, verified: VerifiedCard, token: string | undefined): Promise<Registration> {
  const { agentId } = verified.card
  checkFirstCard(verified.card)
  admit(deps, token)
  const isOperator = deps.config.operators.includes(agentId)
  const status = deps.config.registration === 'approval' && !isOperator ? 'pending' : 'active'
  const isNew = await insertAgent(tx, verified, { status, role: isOperator ? 'operator' : 'agent', atMs: deps.now() })
  if (!isNew) throw new Refusal('already_exists', 'this agent id was taken just now')
  return { agentId, outcome: 'registered', status }
}

async function updateIdentity(deps: Deps, tx: Tx, known: AgentRow, verified: VerifiedCard): Promise<Registration> {
  const { agentId } = known
  if (decideUpdate(known, verified) === 'next') {
    if (!(await updateCard(tx, verified))) throw new Refusal('wrong_state', 'the card was updated just now')
    for (const other of await listCounterparties(tx, agentId))
      await appendEvents(deps, tx, [other], { kind: 'card.changed', agentId })
  }
  const returns = known.status === 'deregistered'
  if (returns) await updateStatus(tx, agentId, 'deregistered', 'active')
  return { agentId, outcome: 'updated', status: returns ? 'active' : known.status }
}

function admit(deps: Deps, token: string | undefined): void {
  const { registration, registrationToken } = deps.config
  if (registration !== 'invite') return
  const isInvited = registrationToken !== undefined && token !== undefined && sameSecret(token, registrationToken)
  if (!isInvited)
    throw new Refusal('forbidden', 'registration needs an invite', { hint: 'ask the operator for a registration token' })
}

function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(hashSessionToken(a), hashSessionToken(b))
}

/**
 * Open a session for a proof of possession.
 *
 * @throws Refusal `unauthenticated` with the same answer for an unknown agent and for a wrong signature.
 */
export async function openSession(deps: Deps, proof: SessionProof): Promise<OpenedSession> {
  return deps.db.write(async (tx) => {
    const agent = await findAgent(tx, proof.agentId)
    if (!agent || agent.status === 'deregistered')
      throw new Refusal('unauthenticated', 'the proof is not signed by the key of this agent')
    verifyProof(proof, { signKey: agent.signKey, audience: deps.config.origin, nowMs: deps.now() })
    await useNonce(tx, proof)
    const token = makeSessionToken()
    const expiresAtMs = deps.now() + SESSION_TTL_MS
    await insertSession(tx, {
      tokenHash: hashSessionToken(token),
      agentId: agent.agentId,
      expiresAtMs,
      max: SESSIONS_PER_AGENT_MAX,
    })
    return { token, expiresAtMs }
  })
}

async function useNonce(tx: Tx, { agentId, nonce, issuedAtMs }: SessionProof): Promise<void> {
  const isFresh = await insertNonce(tx, agentId, nonce, issuedAtMs + 2 * SESSION_CLOCK_SKEW_MS)
  if (!isFresh) throw new Refusal('unauthenticated', 'this proof was used before')
}

/** @throws Refusal `unauthenticated` for a token that is none of ours, `session_expired` for one whose hour has passed. */
export async function findCaller(deps: Deps, token: string): Promise<Caller> {
  const session = isSessionToken(token) ? await deps.db.read((reader) => findSession(reader, hashSessionToken(token))) : undefined
  if (!session) throw new Refusal('unauthenticated', 'no such session')
  if (session.expiresAtMs <= deps.now()) throw new Refusal('session_expired', 'the session has expired: open a new one')
  const { agentId, status, role, trustTier } = session
  return { agentId, status, role, trustTier }
}

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
    const { status, role, trustTier, cardBytes, cardSignature } = await getAgent(reader, agentId)
    const prekeyExpiresAtMs = await findPrekeyExpiry(reader, agentId)
    const card = { cardBytes: toBase64url(cardBytes), signature: toBase64url(cardSignature) }
    return { agentId, status, role, trustTier, card, ...(prekeyExpiresAtMs && { prekeyExpiresAtMs }) }
  })
}

/** @throws Refusal `not_found` for an id that is not registered, or not any more. */
export async function getAgent(reader: Reader, agentId: string): Promise<AgentRow> {
  const agent = await findAgent(reader, agentId)
  if (!agent || agent.status === 'deregistered') throw notFound('agent')
  return agent
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

/** End an agent's registration: no session, no new one. Its id stays taken. */
export async function closeIdentity(tx: Tx, agentId: string): Promise<void> {
  const { status } = await getAgent(tx, agentId)
  await updateStatus(tx, agentId, status, 'deregistered')
  await deleteSessionsOf(tx, agentId)
}

export function sweepLogins(deps: Deps): Promise<number> {
  return deps.db.write((tx) => deleteExpiredLogins(tx, deps.now()))
}
