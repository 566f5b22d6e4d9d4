import { randomUUID } from 'node:crypto'
import { formatAmount, IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import type { ChainStep, Hired } from '../chain/chain-document.ts'
import { costOfTry, isWithinBudget } from '../chain/money.ts'
import { activeReviewers, isLive } from '../chain/next-act.ts'
import { assign } from './assign.ts'
import { mutate, query } from './call.ts'
import { type ChainRun, currentTry } from './chain-run.ts'
import { CliError } from './cli-error.ts'
import { findPanel } from './find-panel.ts'

/** How long an act wants to rest before it is looked at again, ms; `undefined` if it did something. */
export type Rest = number | undefined

/** Before candidates are looked for again. */
const SEARCH_EVERY_MS = 3_000
/** Before money is looked for again, should nothing happen. */
const MONEY_EVERY_MS = 15_000
/** A key this old may have been forgotten by the platform: what was done under it is looked up instead. */
const KEY_GOOD_MS = IDEMPOTENCY_KEPT_MS - 86_400_000

/** Somebody chosen now, to be asked under a key of its own: keys that had something in common would tie the steps together. */
export function choose(agentId: string, nowMs: number): Hired {
  return { agentId, key: randomUUID(), atMs: nowMs }
}

/** Make the task of a try. Each try has its own. */
export async function createTask({ agent, changeTry }: ChainRun, step: ChainStep): Promise<Rest> {
  const { taskKey } = currentTry(step)
  const { taskId } = await mutate(agent, 'tasks.createTask', { reviewRule: step.plan.review?.rule ?? 'unanimous' }, taskKey)
  changeTry(step.plan.id, { taskId })
  return undefined
}

/** Choose who is asked. Waits for agents, and for money that may come back. @throws CliError `insufficient_funds` if the budget does not allow it. */
export async function chooseAgents(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { agent, document } = run
  const { id, acceptMs } = step.plan
  const panel = await findPanel(agent, step)
  if (!panel) {
    if (isGoingOn(run, id) || agent.now() - run.movedAtMs < acceptMs) {
      run.emit('waiting', id, { reason: `nobody is there yet: ${wantedBy(step)}` })
      return SEARCH_EVERY_MS
    }
    run.change(id, { state: 'failed', reason: `no agents for it were found: ${wantedBy(step)}` })
    run.emit('failed', id, { reason: run.step(id).reason })
    return undefined
  }
  if (!isWithinBudget(document, step.plan)) {
    if (isGoingOn(run, id)) {
      run.emit('waiting', id, { reason: 'the budget is set aside for other steps' })
      return MONEY_EVERY_MS
    }
    const more = formatAmount(costOfTry(step.plan))
    throw new CliError(
      'insufficient_funds',
      `the step "${id}" costs ${more} more, which is beyond the budget of ${document.budget}`,
      {
        hint: 'resume it with a higher --budget, or cancel it',
      },
    )
  }
  const nowMs = agent.now()
  const reviewers = panel.reviewers.map((agentId) => choose(agentId, nowMs))
  run.changeTry(id, { executor: choose(panel.executor, nowMs), reviewers })
  run.emit('chosen', id, { agents: [panel.executor, ...panel.reviewers] })
  return undefined
}

/** Hire the executor that was chosen, funded. */
export async function hireExecutor(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { plan } = step
  const { taskId = '', executor } = currentTry(step)
  if (!executor) throw new Error('an executor was chosen')
  const known = await findHired(run, taskId, executor)
  if (known === 'nobody') {
    run.changeTry(plan.id, { executor: undefined, reviewers: [] })
    return undefined
  }
  try {
    const assignmentId = known ?? (await assign(run.agent, executeInput(step, taskId, executor), executor.key)).assignmentId
    run.changeTry(plan.id, { executor: { ...executor, assignmentId } })
    run.emit('hired', plan.id, {
      agentId: executor.agentId,
      assignmentId,
      ...(plan.price !== undefined && { price: plan.price }),
    })
    return undefined
  } catch (error) {
    return refusedExecutor(run, step, error)
  }
}

function executeInput({ plan }: ChainStep, taskId: string, { agentId }: Hired) {
  return {
    taskId,
    assigneeAgentId: agentId,
    kind: 'execute' as const,
    ...(plan.capability !== undefined && { capability: plan.capability }),
    ...(plan.price !== undefined && { price: plan.price }),
    maxAttempts: plan.attempts,
    acceptWithinMs: plan.acceptMs,
    leaseMs: plan.leaseMs,
    ...(plan.review && { reviewWithinMs: plan.review.withinMs }),
  }
}

/** Nothing has happened. Somebody whose places were just taken is asked another time; somebody else is asked now. */
function refusedExecutor(run: ChainRun, step: ChainStep, error: unknown): Rest {
  const { id } = step.plan
  if (!(error instanceof CliError)) throw error
  if (error.code === 'insufficient_funds') return waitForMoney(run, step, error)
  if (error.code === 'capacity_exceeded') {
    run.changeTry(id, { executor: undefined, reviewers: [] })
    return SEARCH_EVERY_MS
  }
  if (!REFUSED.has(error.code)) throw error
  run.changeTry(id, { end: 'refused', endedAtMs: run.agent.now(), cost: '0' })
  run.emit('ended', id, { agentId: currentTry(step).executor?.agentId, outcome: 'refused', reason: error.message })
  return undefined
}

/** What the platform says of an agent that cannot be given this work, now or ever. */
export const REFUSED: ReadonlySet<string> = new Set(['not_found', 'wrong_state', 'forbidden', 'self_dealing', 'already_exists'])

/** Money that other steps have set aside may come back. */
export function waitForMoney(run: ChainRun, step: ChainStep, error: CliError): Rest {
  const { id } = step.plan
  if (!isGoingOn(run, id)) throw error
  run.emit('waiting', id, { reason: error.message })
  return MONEY_EVERY_MS
}

/**
 * What is known about a call whose answer is not: `undefined` as long as its key is good, and the call can be repeated. Later the task itself is
 * asked, which holds nothing but this try.
 */
export async function findHired(
  { agent }: ChainRun,
  taskId: string,
  hired: Hired,
  target?: string,
): Promise<string | 'nobody' | undefined> {
  if (agent.now() - hired.atMs < KEY_GOOD_MS) return undefined
  const { assignments } = await query(agent, 'tasks.getTask', { taskId })
  const found = assignments.find((each) => each.assigneeId === hired.agentId && each.targetAssignmentId === target)
  return found?.assignmentId ?? 'nobody'
}

/** Whether another step is at work: it may give back money, or free an agent. */
function isGoingOn({ document }: ChainRun, id: string): boolean {
  return document.steps.some(({ plan, state, tries }) => plan.id !== id && state === 'running' && tries.some(isLive))
}

function wantedBy({ plan: { agentId, capability, review } }: ChainStep): string {
  const who = agentId ?? `one for ${capability}`
  return review ? `${who}, and ${review.count} to review it${review.capability ? ` for ${review.capability}` : ''}` : who
}

/** Whether a try lacks reviewers that its step asks for. */
export function lacksReviewers(step: ChainStep): boolean {
  return activeReviewers(currentTry(step)).length < (step.plan.review?.count ?? 0)
}
