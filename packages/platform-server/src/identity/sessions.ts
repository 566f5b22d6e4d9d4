import {
  type AgentStatus,
  type OpenedSession,
  type OpenSessionInput,
  SESSION_CLOCK_SKEW_MS,
  SESSION_TTL_MS,
  SESSIONS_PER_AGENT_MAX,
  type SessionProof,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import type { Tx } from '../storage/database.ts'
import { findAgent } from './agent-store.ts'
import { PROOF_NOT_SIGNED, verifyProof } from './proof-rules.ts'
import { findSession, insertNonce, insertSession } from './session-store.ts'
import { hashToken, isToken, makeToken } from './token.ts'

export type Role = 'agent' | 'operator'

/** Who makes an authenticated call. */
export interface Caller {
  readonly agentId: string
  readonly status: AgentStatus
  readonly role: Role
  readonly trustTier: number
}

/** Operators are who the configuration names, at any time; nothing that is stored makes one. */
export function isOperator(deps: Deps, agentId: string): boolean {
  return deps.config.operators.includes(agentId)
}

export function roleOf(deps: Deps, agentId: string): Role {
  return isOperator(deps, agentId) ? 'operator' : 'agent'
}

/**
 * Open a session for a proof of possession, for an hour or for the shorter time that is asked for. Beyond 32 the one of the agent ends that would end first.
 *
 * @throws Refusal `unauthenticated` with the same answer for an unknown agent and for a wrong signature.
 */
export async function openSession(deps: Deps, { ttlMs = SESSION_TTL_MS, ...proof }: OpenSessionInput): Promise<OpenedSession> {
  return deps.db.write(async (tx) => {
    const agent = await findAgent(tx, proof.agentId)
    if (!agent || agent.status === 'deregistered') throw new Refusal('unauthenticated', PROOF_NOT_SIGNED)
    const { agentId, signKey } = agent
    verifyProof(proof, { signKey, audience: deps.config.origin, nowMs: deps.now() })
    await useNonce(tx, proof)
    const token = makeToken('session')
    const expiresAtMs = deps.now() + ttlMs
    await insertSession(tx, { tokenHash: hashToken(token), agentId, expiresAtMs, max: SESSIONS_PER_AGENT_MAX })
    return { token, expiresAtMs }
  })
}

/** Note that a proof was used; it is remembered for longer than it is good. @throws Refusal `unauthenticated` for one that was used before. */
export async function useNonce(tx: Tx, { agentId, nonce, issuedAtMs }: SessionProof): Promise<void> {
  const isFresh = await insertNonce(tx, agentId, nonce, issuedAtMs + 2 * SESSION_CLOCK_SKEW_MS)
  if (!isFresh) throw new Refusal('unauthenticated', 'this proof was used before')
}

/** @throws Refusal `unauthenticated` for a token that is none of ours, `session_expired` for one whose hour has passed. */
export async function findCaller(deps: Deps, token: string): Promise<Caller> {
  const session = isToken('session', token) ? await deps.db.read((reader) => findSession(reader, hashToken(token))) : undefined
  if (!session) throw new Refusal('unauthenticated', 'no such session')
  if (session.expiresAtMs <= deps.now()) throw new Refusal('session_expired', 'the session has expired: open a new one')
  const { agentId, status, trustTier } = session
  return { agentId, status, role: roleOf(deps, agentId), trustTier }
}
