import type { AgentStatus, Standing } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { type AgentRow, findAgent, updateStatus, updateTrustTier } from './agent-store.ts'
import { isOperator } from './sessions.ts'

/** What an operator may do to a registration: the status it must have, the one it gets, and what the agent is told. */
const CHANGES = {
  approve: { from: 'pending', to: 'active', tells: 'agent.approved' },
  suspend: { from: 'active', to: 'suspended', tells: 'agent.suspended' },
  resume: { from: 'suspended', to: 'active', tells: 'agent.approved' },
} as const satisfies Record<string, { from: AgentStatus; to: AgentStatus; tells: string }>

export type StandingChange = keyof typeof CHANGES

/** @throws Refusal `not_found` for an id that is not registered, or not any more. */
export async function getAgent(reader: Reader, agentId: string): Promise<AgentRow> {
  const agent = await findAgent(reader, agentId)
  if (!agent || agent.status === 'deregistered') throw notFound('agent')
  return agent
}

/**
 * Change whether an agent may act. Suspended or not, it keeps its money and its reads.
 *
 * @throws Refusal `not_found`; `wrong_state`, naming the status it has; `forbidden` for the suspension of an operator.
 */
export async function changeStanding(deps: Deps, tx: Tx, agentId: string, change: StandingChange): Promise<Standing> {
  const { status, trustTier } = await getAgent(tx, agentId)
  const { from, to, tells } = CHANGES[change]
  if (change === 'suspend' && isOperator(deps, agentId))
    throw new Refusal('forbidden', 'an operator is not suspended: it is taken out of the configuration')
  if (!(await updateStatus(tx, agentId, from, to))) throw new Refusal('wrong_state', `the agent is ${status}`)
  await appendEvents(deps, tx, [agentId], { kind: tells, agentId })
  return { agentId, status: to, trustTier }
}

/** Set how far an agent is trusted. @param trustTier - 1 to 3. @throws Refusal `not_found` */
export async function changeTrustTier(tx: Tx, agentId: string, trustTier: number): Promise<Standing> {
  const { status } = await getAgent(tx, agentId)
  await updateTrustTier(tx, agentId, trustTier)
  return { agentId, status, trustTier }
}
