import { type AgentStatus, type OpenedSession, SESSION_TTL_MIN_MS, SESSION_TTL_MS } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { proveIdentity } from '../platform/session.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { usage } from './cli-error.ts'

export interface Me {
  readonly agentId: string
  readonly status: AgentStatus
  readonly fingerprint: string
  readonly server: string
  readonly profile: string
}

/** Who the profile is, on this machine and to the platform. */
export async function whoami(agent: Agent): Promise<Me> {
  const { status } = await query(agent, 'identity.whoami', {})
  const { agentId, keyring, server, profile } = agent
  return { agentId, status, fingerprint: fingerprint(keyring.signKey.publicKey), server, profile: profile.name }
}

/**
 * A session of its own for another client, such as curl: not the one this machine uses.
 *
 * @param ttlMs - How long it is good; an hour unless it is said.
 * @throws CliError `usage` for more than an hour, or less than a second.
 */
export async function createToken(agent: Agent, ttlMs?: number): Promise<OpenedSession> {
  if (ttlMs !== undefined && (ttlMs < SESSION_TTL_MIN_MS || ttlMs > SESSION_TTL_MS)) throw usage('a token is good for 1s to 1h')
  const { platform, server, now } = agent
  const keyring = await agent.identity()
  const ttl = ttlMs === undefined ? {} : { ttlMs }
  return platform.mutate('identity.openSession', () => ({ ...proveIdentity(keyring, server, now()), ...ttl }))
}
