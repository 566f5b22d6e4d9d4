import type { AgentStatus } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** A new id that asks to be let in. */
export interface Applicant {
  readonly policy: 'open' | 'invite' | 'approval'
  /** Whether the configuration names this id as an operator. */
  readonly isOperator: boolean
  /** Whether the server has a shared registration token. */
  readonly hasSharedToken: boolean
  /** What the applicant brought along. */
  readonly brings: 'shared token' | 'invite' | 'nothing'
}

/**
 * Decide whether a new id may join.
 *
 * An operator's id is worth more than an invite: where there is a shared token nobody takes that id without it.
 *
 * @returns The status it starts with.
 * @throws Refusal `forbidden`, in the same words whatever was wrong with an invite.
 */
export function decideAdmission({ policy, isOperator, hasSharedToken, brings }: Applicant): AgentStatus {
  if (isOperator) {
    if (brings === 'shared token' || (policy !== 'invite' && !hasSharedToken)) return 'active'
    throw new Refusal('forbidden', 'the id of an operator needs the registration token of the server')
  }
  if (policy === 'open') return 'active'
  if (policy === 'approval') return 'pending'
  if (brings !== 'nothing') return 'active'
  throw new Refusal('forbidden', 'registration needs an invite', { hint: 'ask the operator for a registration token' })
}

/**
 * Decide whether an agent may change its registration.
 *
 * @param change - `same` repeats the stored card, which a waiting newcomer may do to learn that it still waits.
 * @throws Refusal `agent_suspended`, `agent_pending`, `wrong_state` for a revocation by one that has not left.
 */
export function checkMayUpdate(status: AgentStatus, change: 'same' | 'next' | 'rotation' | 'revocation'): void {
  if (change === 'revocation' && status !== 'deregistered')
    throw new Refusal('wrong_state', 'only an agent that has left revokes its key: deregister first')
  if (status === 'suspended') throw new Refusal('agent_suspended', 'this agent is suspended')
  if (status === 'pending' && change !== 'same')
    throw new Refusal('agent_pending', 'this agent waits for the approval of an operator')
}
