import type { ChainDocument, ChainStep, Hired, Try } from './chain-document.ts'

/**
 * What is to be done next about a running step. Everything done before it is on disk, and everything it sends goes out under keys that are.
 * `begin` a try → `create-task` → `choose` executor and reviewers → `hire` → `hire-reviewer` → `tell` (order and briefs) → `watch` → `close` its task →
 * `fetch` the result → `finish`. A try that ends otherwise is followed by the next, or `give-up`.
 */
export type Act =
  | 'begin'
  | 'create-task'
  | 'choose'
  | 'hire'
  | 'hire-reviewer'
  | 'tell'
  | 'watch'
  | 'close'
  | 'fetch'
  | 'finish'
  | 'give-up'

/** Decide what to do next about a step that is running. Pure: it follows from the document alone, so it is the same after a crash. */
export function nextAct({ tries, triesMax, output }: ChainStep): Act {
  const current = tries.at(-1)
  if (!current || (current.end !== undefined && current.end !== 'passed' && current.isClosed))
    return tries.length < triesMax ? 'begin' : 'give-up'
  if (current.end !== undefined) return current.isClosed ? (output ? 'finish' : 'fetch') : 'close'
  const { taskId, executor } = current
  if (taskId === undefined) return 'create-task'
  if (!executor) return 'choose'
  if (executor.assignmentId === undefined) return 'hire'
  if (executor.isOut) return 'watch'
  const reviewers = activeReviewers(current)
  if (reviewers.some(({ assignmentId }) => assignmentId === undefined)) return 'hire-reviewer'
  if (!executor.isTold || reviewers.some(({ isTold }) => !isTold)) return 'tell'
  return 'watch'
}

/** The reviewers of a try that may still speak, or have. */
export function activeReviewers({ reviewers }: Pick<Try, 'reviewers'>): Hired[] {
  return reviewers.filter(({ isOut }) => !isOut)
}

/** A try somebody works on, as far as this machine knows. */
export function isLive({ executor, end }: Try): boolean {
  return executor?.assignmentId !== undefined && end === undefined
}

/** Agents that have let a step down, as executor or reviewer: it never asks them again. */
export function letDownBy({ tries }: Pick<ChainStep, 'tries'>): Set<string> {
  const executors = tries.flatMap(({ end, executor }) =>
    end !== undefined && end !== 'passed' && executor ? executor.agentId : [],
  )
  const reviewers = tries.flatMap((each) => each.reviewers.filter(({ isOut }) => isOut).map(({ agentId }) => agentId))
  return new Set([...executors, ...reviewers])
}

/** Steps that can run now: they run already, or wait for nobody. */
export function readySteps({ steps }: Pick<ChainDocument, 'steps'>): ChainStep[] {
  const passed = new Set(steps.filter(({ state }) => state === 'passed').map(({ plan }) => plan.id))
  return steps.filter(
    ({ state, plan }) => state === 'running' || (state === 'waiting' && plan.needs.every((need) => passed.has(need))),
  )
}

/** Steps that never will run, because one they need has failed or was skipped. */
export function stepsToSkip({ steps }: Pick<ChainDocument, 'steps'>): { step: ChainStep; because: string }[] {
  const lost = new Set(steps.filter(({ state }) => state === 'failed' || state === 'skipped').map(({ plan }) => plan.id))
  return steps.flatMap((step) => {
    const because = step.state === 'waiting' ? step.plan.needs.find((need) => lost.has(need)) : undefined
    return because === undefined ? [] : [{ step, because }]
  })
}

/** Take up a chain that has failed: what failed is tried again, by agents that were not asked yet; what was skipped waits again. */
export function reopen(chain: ChainDocument): ChainDocument {
  const steps = chain.steps.map((step) => {
    if (step.state !== 'failed' && step.state !== 'skipped') return step
    const { reason: _, ...rest } = step
    return { ...rest, state: 'waiting' as const, triesMax: step.tries.length + step.plan.replacements + 1 }
  })
  return { ...chain, state: 'running', steps }
}
