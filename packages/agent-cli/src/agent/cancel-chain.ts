import type { Assignment } from '@agent-marketplace/protocol'
import type { ChainStep } from '../chain/chain-document.ts'
import { isLive } from '../chain/next-act.ts'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'
import { type ChainRun, createChainRun, currentTry } from './chain-run.ts'
import { type ChainView, viewOf } from './chain-view.ts'
import { CliError } from './cli-error.ts'
import { hireExecutor } from './hire-agents.ts'
import { readAssignment } from './lease.ts'
import { takeChain } from './run-chain.ts'
import { closeTask } from './take-result.ts'
import { watchTry } from './watch-try.ts'

/** Work that could not be taken back: it goes on, and is paid if it passes. */
export interface LeftOver {
  readonly step: string
  readonly agentId: string
  readonly assignmentId: string
  readonly state: Assignment['state']
}

export type CancelledChain = ChainView & { readonly left: LeftOver[] }

/**
 * Cancel a chain: nothing more is begun, and work that nobody has begun is taken back with its money. Work under a live lease or handed in goes on;
 * cancelled again later, the chain takes back what can be taken back by then.
 *
 * @throws CliError `not_found`, `wrong_state` if it has ended or another process runs it.
 */
export async function cancelChain(
  agent: Agent,
  { chainId, signal }: { chainId: string; signal?: AbortSignal | undefined },
): Promise<CancelledChain> {
  const owned = takeChain(agent, chainId)
  try {
    const { state } = owned.document
    if (state === 'done' || state === 'failed') throw new CliError('wrong_state', `the chain is ${state}`)
    const run = createChainRun(agent, owned, { signal: signal ?? new AbortController().signal })
    if (state === 'running') run.changeState('cancelling')
    const left: LeftOver[] = []
    for (const { plan } of owned.document.steps) {
      signal?.throwIfAborted()
      const kept = await cancelStep(run, plan.id)
      if (kept) left.push(kept)
    }
    if (left.length === 0) run.changeState('cancelled')
    return { ...viewOf(owned.document, false), left }
  } finally {
    owned.release()
  }
}

async function cancelStep(run: ChainRun, id: string): Promise<LeftOver | undefined> {
  const { state } = run.step(id)
  if (state !== 'waiting' && state !== 'running') return undefined
  const kept = state === 'running' ? await takeBack(run, id) : undefined
  if (!kept) run.change(id, { state: 'cancelled' })
  return kept
}

async function takeBack(run: ChainRun, id: string): Promise<LeftOver | undefined> {
  // A call whose answer was lost is repeated under its key: only so it is known what there is to take back.
  const last = run.step(id).tries.at(-1)
  if (last?.executor && last.taskId !== undefined && last.executor.assignmentId === undefined && last.end === undefined)
    await hireExecutor(run, run.step(id)).catch(ignoreRefusal)
  const step = run.step(id)
  const current = step.tries.at(-1)
  if (current && isLive(current)) {
    const kept = await cancelWork(run, step)
    if (kept) return kept
  }
  if (current?.taskId !== undefined && !current.isClosed) await closeTask(run, run.step(id))
  return undefined
}

async function cancelWork(run: ChainRun, step: ChainStep): Promise<LeftOver | undefined> {
  const { executor } = currentTry(step)
  if (executor?.assignmentId === undefined) return undefined
  const { agentId, assignmentId } = executor
  await mutate(run.agent, 'tasks.cancelAssignment', { assignmentId }).catch(ignoreRefusal)
  const { state } = await readAssignment(run.agent, assignmentId)
  if (OPEN.has(state)) return { step: step.plan.id, agentId, assignmentId, state }
  await watchTry(run, step)
  return undefined
}

const OPEN: ReadonlySet<Assignment['state']> = new Set(['offered', 'assigned', 'working', 'submitted'])
const REFUSALS: ReadonlySet<string> = new Set([
  'wrong_state',
  'not_found',
  'forbidden',
  'insufficient_funds',
  'capacity_exceeded',
])

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof CliError && REFUSALS.has(error.code))) throw error
}
