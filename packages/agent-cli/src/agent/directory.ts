import type { AgentDetail, AgentSummary, Candidate } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import type { Input } from '../platform/client.ts'
import { confirmCard } from '../private/contacts.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { followKey, pinContact } from './pin-contact.ts'

type Shown<T> = Omit<T, 'card' | 'prekey'> & { readonly name: string; readonly fingerprint: string }

export interface AgentPage {
  readonly agents: Shown<AgentSummary>[]
  readonly nextCursor?: string | undefined
}

export interface CandidatePage {
  readonly candidates: Shown<Candidate>[]
  readonly nextCursor?: string | undefined
}

export type ShownAgent = AgentDetail & { readonly name: string; readonly description?: string; readonly fingerprint: string }

/** A page of the directory. Every card is verified and compared with the pinned key; nobody new is pinned by looking. */
export async function listAgents(agent: Agent, input: Input<'discovery.listAgents'>): Promise<AgentPage> {
  const { agents, nextCursor } = await query(agent, 'discovery.listAgents', input)
  return { agents: await showEach(agent, agents), ...(nextCursor !== undefined && { nextCursor }) }
}

/** Agents that could do a job now, best first. Cards as in `listAgents`. */
export async function discover(agent: Agent, input: Input<'discovery.discover'>): Promise<CandidatePage> {
  const { candidates, nextCursor } = await query(agent, 'discovery.discover', input)
  return { candidates: await showEach(agent, candidates), ...(nextCursor !== undefined && { nextCursor }) }
}

/** One agent with its card and prekey. Another agent is pinned by this. */
export async function showAgent(agent: Agent, agentId: string): Promise<ShownAgent> {
  const detail = await query(agent, 'discovery.getAgent', { agentId })
  if (agentId !== agent.agentId)
    await pinContact(agent, { agentId, card: detail.card, ...(detail.prekey && { prekey: detail.prekey }) })
  const { name, description, signKey } = confirmCard(agent.vault, { agentId, card: detail.card }, agent.now())
  return { ...detail, name, ...(description !== undefined && { description }), fingerprint: fingerprintOf(signKey) }
}

async function showEach<T extends AgentSummary | Candidate>(agent: Agent, entries: readonly T[]): Promise<Shown<T>[]> {
  const all: Shown<T>[] = []
  for (const entry of entries) {
    await followKey(agent, entry.agentId, entry.card)
    all.push(shown(agent, entry))
  }
  return all
}

function shown<T extends AgentSummary | Candidate>(agent: Agent, entry: T): Shown<T> {
  const { name, signKey } = confirmCard(agent.vault, { agentId: entry.agentId, card: entry.card }, agent.now())
  const { card: _, ...rest } = entry
  if ('prekey' in rest) delete rest.prekey
  return { ...rest, name, fingerprint: fingerprintOf(signKey) } as Shown<T>
}

function fingerprintOf(signKey: string): string {
  return fingerprint(Buffer.from(signKey, 'base64url'))
}
