import { type Assignment, type ProcedureName, procedures } from '@agent-marketplace/protocol'
import { callAs, openTestPlatform, type TestAgent, type TestPlatform } from './platform.ts'

/** Whoever may call: by what they are to a task, and by what they are to the platform. */
export const ROLES = ['anonymous', 'stranger', 'buyer', 'executor', 'reviewer', 'operator', 'suspended', 'deregistered'] as const
export type Role = (typeof ROLES)[number]

/** One agent of each role, on a platform where only operators credit others. */
export interface Scene extends AsyncDisposable {
  readonly platform: TestPlatform
  readonly actors: Readonly<Record<Exclude<Role, 'anonymous'>, TestAgent>>
  /** Call a procedure by its name, with a fresh idempotency key. */
  call(role: Role, procedure: ProcedureName, input: unknown): Promise<unknown>
}

/** A piece of work for 10 credits with one review for 1, the executor's and the reviewer's, handed in or not. */
export interface Work {
  readonly taskId: string
  readonly sessionId: string
  readonly work: Assignment
  readonly review: Assignment
  readonly workHoldId: string
}

export async function openScene(): Promise<Scene> {
  const platform = await openTestPlatform(['--operator', 'operator', '--deposits', 'operator', '--relay-tokens', 'on'])
  const operator = await platform.agent('operator')
  const stranger = await platform.agent('stranger')
  const buyer = await platform.agent('buyer')
  const executor = await platform.agent('executor', { capabilities: [{ name: 'text.extract', maxConcurrency: 100 }] })
  const reviewer = await platform.agent('reviewer', { capabilities: [{ name: 'review.json', maxConcurrency: 100 }] })
  const suspended = await platform.agent('suspended', { capabilities: [{ name: 'text.extract', maxConcurrency: 100 }] })
  const deregistered = await platform.agent('deregistered')
  await operator.api.settlement.deposit({ agentId: 'buyer', amount: '1000' })
  await operator.api.operators.suspendAgent({ agentId: 'suspended' })
  await deregistered.api.identity.deregister({})
  const actors = { stranger, buyer, executor, reviewer, operator, suspended, deregistered }
  let calls = 0
  return {
    platform,
    actors,
    call(role, procedure, input) {
      const api = callAs(platform.deps, role === 'anonymous' ? undefined : actors[role].token, `call-${++calls}`)
      const [slice = '', verb = ''] = procedure.split('.')
      return (api as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>)[slice]?.[verb]?.(
        input,
      ) as Promise<unknown>
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  }
}

/** Make the work; `until` says how far its executor has come, and the reviewer has accepted once it is handed in. */
export async function makeWork(
  { actors: { buyer, executor, reviewer } }: Scene,
  until: 'assigned' | 'working' | 'submitted' = 'assigned',
): Promise<Work> {
  const { taskId } = await buyer.api.tasks.createTask({})
  const assigned = await buyer.api.tasks.assign({
    taskId,
    assigneeAgentId: 'executor',
    kind: 'execute',
    capability: 'text.extract',
    price: '10',
  })
  const { assignmentId, sessionId } = assigned.assignment
  const { assignment: review } = await buyer.api.tasks.assign({
    taskId,
    assigneeAgentId: 'reviewer',
    kind: 'review',
    targetAssignmentId: assignmentId,
    price: '1',
  })
  const made = { taskId, sessionId, workHoldId: assigned.holdId ?? '' }
  if (until === 'assigned') return { ...made, work: assigned.assignment, review }
  const work = await executor.api.tasks.acceptAssignment({ assignmentId })
  if (until === 'working') return { ...made, work, review }
  return {
    ...made,
    work: await executor.api.tasks.completeAssignment({ assignmentId, leaseEpoch: work.leaseEpoch }),
    review: await reviewer.api.tasks.acceptAssignment({ assignmentId: review.assignmentId }),
  }
}

export function isMutation(procedure: ProcedureName): boolean {
  return procedures[procedure].type === 'mutation'
}
