import { type AssignmentState, procedures, toBase64url, type VerdictStatement, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import type { TestAgent } from '../../packages/platform-server/test/platform.ts'
import { AGENTS, type Draw, fill, type Known, MISSING } from './any-input.ts'

/** Left out: calls that must be signed anew or say something random; the set-up of every history makes them, or tests of their own do. */
const LEFT_OUT = [
  'identity.register',
  'identity.openSession',
  'identity.openRecovery',
  'identity.publishPrekey',
  'relayTokens.keys',
  'relayTokens.issue',
  'operators.createInvite',
]
/** What moves a history on comes more often than the rest, and what ends it less. */
const WEIGHTS: Record<string, number> = {
  'tasks.assign': 30,
  'tasks.acceptAssignment': 30,
  'tasks.completeAssignment': 20,
  'review.submitVerdict': 30,
  'tasks.claimOffer': 12,
  'tasks.createTask': 12,
  'identity.deregister': 1,
  'operators.suspendAgent': 1,
  'tasks.completeTask': 1,
  'tasks.cancelTask': 1,
}
const WEIGHT = 4

export type ProcedureName = keyof typeof procedures
export const CALLS = (Object.keys(procedures) as ProcedureName[])
  .filter((name) => !LEFT_OUT.includes(name))
  .flatMap((name) => Array.from({ length: WEIGHTS[name] ?? WEIGHT }, () => name))

/** In which state an assignment should be for a call to make sense, and who makes it; mostly it is called for one that is, by who may. */
const WANTED: Record<string, readonly [state: AssignmentState, by?: 'assigneeId' | 'buyerId']> = {
  'tasks.claimOffer': ['offered'],
  'tasks.acceptAssignment': ['assigned', 'assigneeId'],
  'tasks.declineAssignment': ['assigned', 'assigneeId'],
  'tasks.cancelAssignment': ['assigned', 'buyerId'],
  'tasks.renewLease': ['working', 'assigneeId'],
  'tasks.completeAssignment': ['working', 'assigneeId'],
  'tasks.approveAssignment': ['submitted', 'buyerId'],
}

/** A call, and who makes it. */
export interface AnyCall {
  readonly name: ProcedureName
  readonly by: string
  readonly input: object
}

/** A call of this kind and who makes it: mostly somebody it is for, about something that is there. */
export function makeCall(name: ProcedureName, draw: Draw, known: Known): AnyCall {
  const shape = procedures[name].input.shape as Record<string, unknown>
  const drawn =
    name === 'review.submitVerdict'
      ? drawVerdict(draw, known)
      : Object.keys(shape).map((field) => [field, fill(field, draw, known)] as const)
  const input = Object.fromEntries(drawn.filter(([, value]) => value !== undefined))
  if (name === 'tasks.assign') makeSense(input, draw)
  const [state, party] = WANTED[name] ?? []
  const fitting = [...known.assignments.values()].filter((each) => each.state === state)
  const isSensible = fitting.length > 0 && draw([true, true, true, false])
  if (isSensible) input.assignmentId = draw(fitting).assignmentId
  const about = known.assignments.get(String(input.reviewAssignmentId ?? input.assignmentId))
  const parties = [about?.assigneeId, about?.buyerId, known.owners.get(String(input.taskId))].filter((each) => each !== undefined)
  const sensible = isSensible && party ? about?.[party] : undefined
  const usual = name.startsWith('operators.') ? ['ops', 'ops', 'ops', 'ann'] : [...parties, ...parties, ...parties, draw(AGENTS)]
  const by = sensible ?? draw(usual)
  return { name, by, input }
}

/** Mostly: only a review has a target, and only an offer asks for a reputation. */
function makeSense(input: Record<string, unknown>, draw: Draw): void {
  if (draw([true, false, false, false])) return
  if (input.kind === 'execute') delete input.targetAssignmentId
  if (input.assigneeAgentId !== undefined) delete input.minReputation
}

function drawVerdict(draw: Draw, known: Known): [string, unknown][] {
  const reviews = [...known.assignments.values()].filter(({ kind }) => kind === 'review')
  const review = draw([...reviews, undefined])
  const statement = {
    reviewAssignmentId: review?.assignmentId ?? `asg_${MISSING}`,
    targetAssignmentId: review?.targetAssignmentId ?? `asg_${MISSING}`,
    attempt: review?.attempt ?? 1,
    outcome: draw(['passed', 'passed', 'failed', 'inconclusive']),
    scoreBps: 0,
    issuedAtMs: 0,
  }
  return Object.entries({ ...statement, leaseEpoch: draw([1, 1, 1, 2]) })
}

const taskOf = ({ owners }: Known, buyerId: string) => [...owners].find(([, owner]) => owner === buyerId)?.[0]
const workOf = ({ assignments }: Known, agentId: string) =>
  [...assignments.values()].find((each) => each.assigneeId === agentId)?.assignmentId
const assign = (by: string, known: Known, input: object): AnyCall => ({
  name: 'tasks.assign',
  by,
  input: { taskId: taskOf(known, by), kind: 'execute', ...input },
})

/** What every history begins with: work that is assigned, with a review of it, and an offer. */
export const OPENING: readonly ((known: Known) => AnyCall)[] = [
  () => ({ name: 'tasks.createTask', by: 'ann', input: {} }),
  () => ({ name: 'tasks.createTask', by: 'ben', input: { reviewRule: 'majority' } }),
  (known) => assign('ann', known, { assigneeAgentId: 'cem', price: '2', maxAttempts: 2 }),
  (known) =>
    assign('ann', known, { kind: 'review', assigneeAgentId: 'dan', targetAssignmentId: workOf(known, 'cem'), price: '1' }),
  (known) => assign('ben', known, { capability: 'work', price: '3' }),
  (known) => assign('ben', known, { assigneeAgentId: 'dan' }),
]

/** Sign what must be signed, by the key that this agent has on this platform. */
export function signed(input: object, { keys }: TestAgent): object {
  if (!('outcome' in input)) return input
  const { leaseEpoch: _, ...statement } = input as VerdictStatement & { leaseEpoch: number }
  return { ...input, signature: toBase64url(sign('verdict', verdictBytes(statement), keys.secretKey)) }
}
