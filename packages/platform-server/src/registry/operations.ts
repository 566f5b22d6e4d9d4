import type { Capability } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { getAgent, lockAgent } from '../identity/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { listCapabilities, replaceCapabilities } from './store.ts'

/** Declare what the caller offers; the new list replaces the old one, all or nothing. */
export function declareCapabilities(
  deps: Deps,
  call: Call,
  capabilities: readonly Capability[],
): Promise<{ agentId: string; capabilities: Capability[] }> {
  return once(deps, call, capabilities, async (tx) => {
    // Two lists declared at once would each take away what was there before, and both stay.
    await lockAgent(tx, call.callerId)
    await replaceCapabilities(tx, call.callerId, capabilities)
    return { agentId: call.callerId, capabilities: await listCapabilities(tx, call.callerId) }
  })
}

/** Who may be given an assignment, and how much of it. */
export interface Engageable {
  readonly agentId: string
  readonly trustTier: number
  /** How many open duties of the named capability the agent takes; unlimited when none is named. */
  readonly maxConcurrency: number | undefined
}

/**
 * Load an agent to engage it.
 *
 * @throws Refusal `not_found` if there is no such agent or it does not offer the capability; `wrong_state` if it is pending or suspended.
 */
export async function getEngageable(reader: Reader, agentId: string, capability: string | undefined): Promise<Engageable> {
  const { status, trustTier } = await getAgent(reader, agentId)
  if (status !== 'active') throw new Refusal('wrong_state', `the agent is ${status}`)
  if (capability === undefined) return { agentId, trustTier, maxConcurrency: undefined }
  const offered = (await listCapabilities(reader, agentId)).find((each) => each.name === capability)
  if (!offered) throw notFound('capability at this agent')
  return { agentId, trustTier, maxConcurrency: offered.maxConcurrency }
}

/** Names of what an agent offers; none while it is not active. */
export async function listOffered(reader: Reader, agentId: string): Promise<string[]> {
  const { status } = await getAgent(reader, agentId)
  return status === 'active' ? (await listCapabilities(reader, agentId)).map((each) => each.name) : []
}

/** Withdraw everything an agent offers. */
export async function withdrawCapabilities(tx: Tx, agentId: string): Promise<void> {
  await replaceCapabilities(tx, agentId, [])
}
