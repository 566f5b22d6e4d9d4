import type { Assignment } from '@agent-marketplace/protocol'
import type { ChainStep } from '../chain/chain-document.ts'
import { observeTry } from '../chain/observe-try.ts'
import { mutate } from './call.ts'
import { type ChainRun, currentTry } from './chain-run.ts'
import { CliError } from './cli-error.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { findReviewer } from './find-panel.ts'
import { readReviews } from './handoff-parties.ts'
import { choose, lacksReviewers, type Rest } from './hire-agents.ts'
import { readAssignment } from './lease.ts'

/** Everything is looked at again after this time, events or not. */
const LOOK_EVERY_MS = 10_000

/** Look at work that goes on: note how it ended, and replace reviewers that ended without a verdict. */
export async function watchTry(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { agent } = run
  const { id, review } = step.plan
  const { executor } = currentTry(step)
  if (executor?.assignmentId === undefined) throw new Error('there is work to watch')
  // Orders may rest before they leave, and there need not be a daemon. A relay that is away does not keep the platform from being looked at.
  await deliverOutbox(agent).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error
  })
  const target = await readAssignment(agent, executor.assignmentId)
  const reviews = await readReviews(agent, executor.assignmentId)
  const { end, out } = observeTry(currentTry(step), target, reviews)
  if (end) {
    run.changeTry(id, { ...end, endedAtMs: agent.now() })
    run.emit('ended', id, { agentId: executor.agentId, assignmentId: target.assignmentId, outcome: end.end, cost: end.cost })
    return undefined
  }
  run.emit('progress', id, { agentId: executor.agentId, state: target.state, attempt: target.attempt })
  if (out.length > 0) {
    const reviewers = currentTry(step).reviewers.map((each) => (out.includes(each.agentId) ? { ...each, isOut: true } : each))
    run.changeTry(id, { reviewers })
    run.emit('reviewer-replaced', id, { agents: out })
  }
  if (!review && target.state === 'submitted') return approve(run, target)
  return (await addReviewer(run, run.step(id))) ? undefined : LOOK_EVERY_MS
}

/** Work nobody reviews cannot be rejected: there is nothing to wait for. */
async function approve({ agent }: ChainRun, { assignmentId }: Assignment): Promise<Rest> {
  try {
    await mutate(agent, 'tasks.approveAssignment', { assignmentId })
  } catch (error) {
    // Decided meanwhile: the next look sees it.
    if (!(error instanceof CliError && error.code === 'wrong_state')) throw error
  }
  return 0
}

/** @returns whether one was chosen. */
async function addReviewer(run: ChainRun, step: ChainStep): Promise<boolean> {
  if (!lacksReviewers(step)) return false
  const agentId = await findReviewer(run.agent, step)
  if (agentId === undefined) return false
  const { reviewers } = currentTry(step)
  run.changeTry(step.plan.id, { reviewers: [...reviewers, choose(agentId, run.agent.now())] })
  return true
}
