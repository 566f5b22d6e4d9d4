import type { ChainStep, Hired } from '../chain/chain-document.ts'
import { activeReviewers } from '../chain/next-act.ts'
import { assign } from './assign.ts'
import { type ChainRun, currentTry } from './chain-run.ts'
import { CliError } from './cli-error.ts'
import { findHired, REFUSED, type Rest, waitForMoney } from './hire-agents.ts'
import { watchTry } from './watch-try.ts'

/** Hire the next reviewer that was chosen, funded. One that cannot be had is out; another is looked for while the work goes on. */
export async function hireReviewer(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { plan } = step
  const { taskId = '', executor } = currentTry(step)
  const reviewer = activeReviewers(currentTry(step)).find(({ assignmentId }) => assignmentId === undefined)
  const target = executor?.assignmentId
  if (!reviewer || target === undefined || !plan.review) throw new Error('a reviewer was chosen for work somebody does')
  const { capability, price } = plan.review
  const known = await findHired(run, taskId, reviewer, target)
  if (known === 'nobody') {
    putOut(run, step, reviewer)
    return undefined
  }
  try {
    const input = {
      taskId,
      assigneeAgentId: reviewer.agentId,
      kind: 'review' as const,
      targetAssignmentId: target,
      ...(capability !== undefined && { capability }),
      ...(price !== undefined && { price }),
      acceptWithinMs: plan.acceptMs,
    }
    const assignmentId = known ?? (await assign(run.agent, input, reviewer.key)).assignmentId
    changeReviewer(run, step, reviewer, { assignmentId })
    run.emit('reviewer-hired', plan.id, { agentId: reviewer.agentId, assignmentId, ...(price !== undefined && { price }) })
    return undefined
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    if (error.code === 'insufficient_funds') return waitForMoney(run, step, error)
    if (error.code !== 'capacity_exceeded' && !REFUSED.has(error.code)) throw error
    // The work may have ended just now, and nobody can review it any more.
    const rest = await watchTry(run, step)
    if (currentTry(run.step(plan.id)).end === undefined) putOut(run, run.step(plan.id), reviewer)
    return rest === undefined ? undefined : 0
  }
}

/** A reviewer that is out is never asked again for this step. */
export function putOut(run: ChainRun, step: ChainStep, reviewer: Hired): void {
  changeReviewer(run, step, reviewer, { isOut: true })
}

/** Change what is known of one reviewer of the current try. */
export function changeReviewer(run: ChainRun, step: ChainStep, { key }: Hired, change: Partial<Hired>): void {
  const { reviewers } = currentTry(step)
  run.changeTry(step.plan.id, { reviewers: reviewers.map((each) => (each.key === key ? { ...each, ...change } : each)) })
}
