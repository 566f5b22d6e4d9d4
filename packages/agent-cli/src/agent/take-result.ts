import { join } from 'node:path'
import type { ChainStep } from '../chain/chain-document.ts'
import { mutate } from './call.ts'
import { type ChainRun, currentTry } from './chain-run.ts'
import { CliError } from './cli-error.ts'
import { fetchWork } from './fetch-work.ts'
import type { Rest } from './hire-agents.ts'

/** How long the keys of work that has passed may take: the executor sends them at once, and reviewers in its stead after ten minutes. */
const KEYS_WITHIN_MS = 30 * 60_000
const KEYS_EVERY_MS = 5_000

/** What a download can end with for good. */
const FINAL: ReadonlySet<string> = new Set(['not_found', 'wrong_state', 'usage', 'forbidden'])

/** End the task of a try: nothing more will be asked of anybody in it. */
export async function closeTask({ agent, changeTry }: ChainRun, step: ChainStep): Promise<Rest> {
  const { taskId } = currentTry(step)
  if (taskId !== undefined)
    await mutate(agent, 'tasks.completeTask', { taskId }).catch((error: unknown) => {
      // A task with something open in it ends by its clocks, and one that has ended is what was wanted.
      if (!(error instanceof CliError && error.code === 'wrong_state')) throw error
    })
  changeTry(step.plan.id, { isClosed: true })
  return undefined
}

/** Fetch the result of work that has passed, as reviewed. */
export async function fetchResult(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { agent, document, signal } = run
  const { id } = step.plan
  const { executor, endedAtMs = 0 } = currentTry(step)
  if (executor?.assignmentId === undefined) throw new Error('work that has passed was done by somebody')
  const { assignmentId } = executor
  try {
    const { files } = await fetchWork(agent, { assignmentId, directory: join(document.out, id), signal })
    run.change(id, { output: files })
    run.emit('fetched', id, { files })
    return undefined
  } catch (error) {
    if (!(error instanceof CliError) || !FINAL.has(error.code)) throw error
    const isOnItsWay = error.code === 'wrong_state' && !('fault' in error) && agent.now() - endedAtMs < KEYS_WITHIN_MS
    if (isOnItsWay) return KEYS_EVERY_MS
    run.change(id, { state: 'failed', reason: `the work has passed and is paid, but cannot be fetched: ${error.message}` })
    run.emit('failed', id, { reason: run.step(id).reason })
    return undefined
  }
}
