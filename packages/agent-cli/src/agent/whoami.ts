import type { AgentStatus, OpenedSession } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { proveIdentity } from '../platform/session.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'

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

/** A session of its own for another client, such as curl: not the one this machine uses. */
export async function createToken(agent: Agent): Promise<OpenedSession> {
  const { platform, server, now } = agent
  const keyring = await agent.identity()
  return platform.mutate('identity.openSession', () => proveIdentity(keyring, server, now()))
}
