import { join } from 'node:path'
import type { Stage, StagedAgent } from './stage.ts'

export const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'two-agents')

/** A command line for `--exec` that runs one of the example's workers with this Node. */
export function workerCommand(file: string): string {
  return `"${process.execPath}" "${join(EXAMPLE, file)}"`
}

/** A buyer with 100 credits, an executor that offers `text.extract` at 10 and a reviewer that offers `review.json` at 1. */
export async function openMarket(stage: Stage): Promise<{ buyer: StagedAgent; executor: StagedAgent; reviewer: StagedAgent }> {
  if (!stage.server.origin) await stage.server.start()
  const [buyer, executor, reviewer] = [stage.agent('buyer'), stage.agent('executor'), stage.agent('reviewer')]
  await Promise.all([
    buyer.json('register', '--agent-id', 'buyer'),
    executor.json('register', '--agent-id', 'executor', '--capability', 'text.extract:1:10'),
    reviewer.json('register', '--agent-id', 'reviewer', '--capability', 'review.json:1:1'),
  ])
  await buyer.json('deposit', '--amount', '100')
  return { buyer, executor, reviewer }
}

/** The buyer assigns work and review, both funded. @returns the two assignments. */
export async function hire(
  buyer: StagedAgent,
  flags: readonly string[] = [],
): Promise<{ work: string; review: string; taskId: string }> {
  const { taskId } = await buyer.json('task', 'create')
  const assign = (assignee: string, ...more: string[]) =>
    buyer.json('assign', '--task-id', taskId, '--assignee-agent-id', assignee, ...more)
  const work = await assign('executor', '--kind', 'execute', '--capability', 'text.extract', '--price', '10', ...flags)
  const review = await assign('reviewer', '--kind', 'review', '--target-assignment-id', work.assignmentId, '--price', '1')
  return { work: work.assignmentId, review: review.assignmentId, taskId }
}

/** The buyer's order for the example's work, on the example's mail unless another file is named. */
export function orderFlags(assignmentId: string, input = join(EXAMPLE, 'mail.txt')): string[] {
  const example = (name: string) => `@${join(EXAMPLE, name)}`
  return [
    ...['order', 'send', '--assignment-id', assignmentId, '--instructions', example('instructions.md'), '--file', input],
    ...['--schema', example('emails.schema.json'), '--rules', example('rules.json')],
  ]
}

/** Wait until an assignment is in one of these states. @throws Error after the time. */
export async function untilState(
  agent: StagedAgent,
  assignmentId: string,
  states: readonly string[],
  withinMs = 60_000,
): Promise<string> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const { state } = await agent.json('assignment', 'show', '--assignment-id', assignmentId)
    if (states.includes(state)) return state
    if (Date.now() > deadline) throw new Error(`${assignmentId} is still ${state}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** What every agent owns, as the platform says it. */
export async function balances(
  agents: Record<string, StagedAgent>,
): Promise<Record<string, { available: string; held: string }>> {
  const entries = await Promise.all(
    Object.entries(agents).map(async ([name, agent]) => [name, await agent.json('balance')] as const),
  )
  return Object.fromEntries(entries) as Record<string, { available: string; held: string }>
}
