import { type AssignInput, toBase64url, type VerdictStatement, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import type { Deps } from '../src/deps.ts'
import { deregister } from '../src/deregistration/operations.ts'
import type { Call } from '../src/idempotency/operations.ts'
import { settleAssignment, submitVerdict } from '../src/review/operations.ts'
import { deposit } from '../src/settlement/operations.ts'
import type { Row } from '../src/storage/database.ts'
import { integer, maybeText, text } from '../src/storage/row.ts'
import { assign } from '../src/tasks/assign.ts'
import { approveAssignment, cancelAssignment, holdForAssignment, refund } from '../src/tasks/buyer-operations.ts'
import { claimOffer } from '../src/tasks/offer-operations.ts'
import { cancelTask, completeTask } from '../src/tasks/task-operations.ts'
import { acceptAssignment, completeAssignment, declineAssignment, renewLease } from '../src/tasks/work-operations.ts'
import { type Command, VERBS, type Verb } from './commands.ts'
import { AGENTS, type World } from './world.ts'

/** A mutation by somebody, ready to be sent, as often as it takes. */
export interface Deed {
  readonly by: string
  readonly procedure: string
  send(call: Call): Promise<unknown>
}

/** Clocks of every assignment in a history. */
const CLOCKS = { acceptWithinMs: 5_000, leaseMs: 3_000, reviewWithinMs: 10_000 }

const lease = (row: Row) => ({ assignmentId: text(row, 'assignment_id'), leaseEpoch: integer(row, 'lease_epoch') })
const SEND: Readonly<Record<Verb, (deps: Deps, call: Call, row: Row) => Promise<unknown>>> = {
  claim: (deps, call, row) => claimOffer(deps, call, text(row, 'assignment_id')),
  hold: (deps, call, row) => holdForAssignment(deps, call, { assignmentId: text(row, 'assignment_id') }),
  accept: (deps, call, row) => acceptAssignment(deps, call, text(row, 'assignment_id')),
  decline: (deps, call, row) => declineAssignment(deps, call, text(row, 'assignment_id')),
  renew: (deps, call, row) => renewLease(deps, call, lease(row)),
  complete: (deps, call, row) => completeAssignment(deps, call, lease(row)),
  approve: (deps, call, row) => approveAssignment(deps, call, text(row, 'assignment_id')),
  cancel: (deps, call, row) => cancelAssignment(deps, call, text(row, 'assignment_id')),
  refund: (deps, call, row) => refund(deps, call, maybeText(row, 'hold_id') ?? `hold_${'0'.repeat(26)}`),
  settle: (deps, call, row) => settleAssignment(deps, call, text(row, 'assignment_id')),
}
/** What more must be so for a verb to be right. */
const FITS: Readonly<Partial<Record<Verb, (row: Row) => boolean>>> = {
  accept: (row) => row.price_micro === 0n || row.funded === 1n,
  renew: (row) => row.kind === 'execute',
  complete: (row) => row.kind === 'execute',
  hold: (row) => row.price_micro !== 0n && row.funded === 0n,
}
const BY_BUYER: readonly Verb[] = ['hold', 'approve', 'cancel', 'refund', 'settle']

const agentOf = (number: number): string => AGENTS[number % AGENTS.length] ?? 'ann'
const nth = <T>(list: readonly T[], number: number): T | undefined => list[number % list.length]

/**
 * Find out what a command means in the world as it is. Where there is nothing to judge something is handed in, where there is nothing to hand in
 * something is accepted: so that histories get somewhere.
 *
 * @param rows - All assignments, each with its newest hold.
 * @returns the deed; `undefined` if there is nothing it could be done to.
 */
export function deedOf(world: World, command: Command, rows: readonly Row[]): Deed | undefined {
  const { deps, tasks } = world
  switch (command.what) {
    case 'deposit': {
      const by = agentOf(command.by)
      const caller = { agentId: by, status: 'active', role: 'agent', trustTier: 2 } as const
      return { by, procedure: 'deposit', send: (call) => deposit(deps, call, caller, { amount: command.amount }) }
    }
    case 'work': {
      const { taskId, buyerId } = nth(tasks, command.task) ?? { taskId: '', buyerId: '' }
      const { price, attempts: maxAttempts, fund } = command
      const assigneeAgentId = command.to === undefined ? undefined : agentOf(command.to)
      const input: AssignInput = {
        ...CLOCKS,
        taskId,
        kind: 'execute',
        capability: 'work',
        assigneeAgentId,
        price,
        maxAttempts,
        fund,
      }
      return { by: buyerId, procedure: 'assign', send: (call) => assign(deps, call, input) }
    }
    case 'review': {
      const target = choose(rows, command, (row) => row.kind === 'execute' && isOpen(row))
      if (!target) return undefined
      const assigneeAgentId = command.to === undefined ? undefined : agentOf(command.to)
      const [taskId, targetAssignmentId] = [text(target, 'task_id'), text(target, 'assignment_id')]
      const terms = { ...CLOCKS, capability: 'review', price: command.price, maxAttempts: 1, fund: true }
      const input: AssignInput = { ...terms, taskId, kind: 'review', targetAssignmentId, assigneeAgentId }
      return { by: text(target, 'buyer_id'), procedure: 'assign', send: (call) => assign(deps, call, input) }
    }
    case 'verdict':
      return verdictOf(world, command, rows) ?? deedOf(world, { ...command, what: 'complete', by: 0 }, rows)
    case 'end task': {
      const { taskId, buyerId } = nth(tasks, command.task) ?? { taskId: '', buyerId: '' }
      const end = command.how === 'complete' ? completeTask : cancelTask
      return { by: buyerId, procedure: command.how, send: (call) => end(deps, call, taskId) }
    }
    case 'leave':
      return { by: agentOf(command.by), procedure: 'leave', send: (call) => deregister(deps, call) }
    case 'pass':
    case 'sweep':
    case 'again':
      return undefined
    default: {
      const states: readonly string[] = VERBS[command.what]
      const row = choose(rows, command, (each) => states.includes(text(each, 'state')) && FITS[command.what]?.(each) !== false)
      if (!row) return command.what === 'complete' ? deedOf(world, { ...command, what: 'accept' }, rows) : undefined
      const right = BY_BUYER.includes(command.what) ? text(row, 'buyer_id') : maybeText(row, 'assignee_id')
      const by = command.wild || right === undefined ? agentOf(command.by) : right
      return { by, procedure: command.what, send: (call) => SEND[command.what](deps, call, row) }
    }
  }
}

function verdictOf(
  { deps, agents }: World,
  command: Extract<Command, { what: 'verdict' }>,
  rows: readonly Row[],
): Deed | undefined {
  const targetOf = (row: Row) => rows.find((each) => each.assignment_id === row.target_assignment_id)
  const review = choose(rows, command, (row) => row.state === 'working' && targetOf(row)?.state === 'submitted')
  const target = review && targetOf(review)
  const by = review && maybeText(review, 'assignee_id')
  const keys = by === undefined ? undefined : agents.get(by)?.keys
  if (!review || !target || by === undefined || !keys) return undefined
  const statement: VerdictStatement = {
    reviewAssignmentId: text(review, 'assignment_id'),
    targetAssignmentId: text(target, 'assignment_id'),
    attempt: integer(target, 'attempt'),
    outcome: command.outcome,
    scoreBps: 0,
    issuedAtMs: deps.now(),
  }
  const signature = toBase64url(sign('verdict', verdictBytes(statement), keys.secretKey))
  const input = { ...statement, signature, leaseEpoch: integer(review, 'lease_epoch') }
  return { by, procedure: 'verdict', send: (call) => submitVerdict(deps, call, input) }
}

function choose(
  rows: readonly Row[],
  { on, wild }: { on: number; wild: boolean },
  isRight: (row: Row) => boolean,
): Row | undefined {
  return nth(wild ? rows : rows.filter(isRight), on)
}

function isOpen(row: Row): boolean {
  return ['offered', 'assigned', 'working', 'submitted'].includes(text(row, 'state'))
}
