import type { ChainStep } from '../chain/chain-document.ts'
import { mutate } from './call.ts'
import { type ChainRun, currentTry } from './chain-run.ts'
import { CliError, usage } from './cli-error.ts'
import { inputFiles } from './hand-on.ts'
import type { Rest } from './hire-agents.ts'
import { findSentOrder } from './send-briefs.ts'
import { sendOrder } from './send-order.ts'
import { watchTry } from './watch-try.ts'

/** Send the order to the executor and the briefs to reviewers who have none. An order that is on its way already is not written again. */
export async function tellAgents(run: ChainRun, step: ChainStep): Promise<Rest> {
  const { agent, signal } = run
  const { plan } = step
  const { executor } = currentTry(step)
  if (executor?.assignmentId === undefined) throw new Error('somebody was hired')
  const { assignmentId } = executor
  try {
    const isWritten = findSentOrder(agent, assignmentId) !== undefined
    const content = isWritten ? {} : await contentOf(run, step)
    const { sentTo } = await sendOrder(agent, { assignmentId, ...content, signal })
    noteTold(run, run.step(plan.id), new Set(sentTo))
    run.emit('ordered', plan.id, { assignmentId, sentTo })
    return undefined
  } catch (error) {
    if (!(error instanceof CliError) || (error.code !== 'wrong_state' && error.code !== 'not_found')) throw error
    // Either the work has ended just now, or nothing can be sealed to the executor.
    await watchTry(run, step)
    const now = currentTry(run.step(plan.id))
    if (now.end === undefined && now.executor && !now.executor.isTold) await giveUpExecutor(run, run.step(plan.id), error)
    return undefined
  }
}

async function contentOf({ agent, document }: ChainRun, step: ChainStep) {
  const { instructions, validators } = step.plan
  try {
    return { instructions, validators, files: await inputFiles(agent, document, step) }
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error
    throw usage(`the input of the step "${step.plan.id}" cannot be handed on: ${error.code}`)
  }
}

/** A reviewer nothing could be sealed to is out. */
function noteTold(run: ChainRun, step: ChainStep, told: ReadonlySet<string>): void {
  const { executor, reviewers } = currentTry(step)
  run.changeTry(step.plan.id, {
    ...(executor && { executor: { ...executor, isTold: true } }),
    reviewers: reviewers.map((each) =>
      each.isOut || each.isTold ? each : told.has(each.agentId) ? { ...each, isTold: true } : { ...each, isOut: true },
    ),
  })
}

/** Take the work back from an executor that cannot be told what it is. If it has begun, its lease ends it. */
async function giveUpExecutor(run: ChainRun, step: ChainStep, cause: CliError): Promise<void> {
  const { executor } = currentTry(step)
  if (executor?.assignmentId === undefined) return
  run.changeTry(step.plan.id, { executor: { ...executor, isOut: true } })
  run.emit('warning', step.plan.id, { code: cause.code, message: cause.message })
  await mutate(run.agent, 'tasks.cancelAssignment', { assignmentId: executor.assignmentId }).catch((error: unknown) => {
    if (!(error instanceof CliError && error.code === 'wrong_state')) throw error
  })
}
