import { formatAmount } from '@agent-marketplace/protocol'
import type { ChainDocument, ChainState, ChainStep, StepState } from '../chain/chain-document.ts'
import { committed, spent } from '../chain/money.ts'

/** A chain as it is shown. `interrupted`: it has not ended, and no process moves it on. */
export interface ChainView {
  readonly chainId: string
  readonly state: ChainState | 'interrupted'
  readonly file: string
  readonly createdAtMs: number
  readonly budget?: string
  /** Credits paid for tries that have ended. */
  readonly spent: string
  /** Credits set aside for tries that go on. */
  readonly committed: string
  readonly steps: StepView[]
}

export interface StepView {
  readonly id: string
  readonly state: StepState
  readonly agentId?: string
  readonly reviewers?: string[]
  readonly assignmentId?: string
  readonly tries: number
  readonly reason?: string
  /** Paths of its result. */
  readonly output?: string[]
}

export function viewOf(chain: ChainDocument, isInterrupted: boolean): ChainView {
  const { chainId, state, file, createdAtMs, budget, steps } = chain
  const paid = spent(chain)
  return {
    chainId,
    state: isInterrupted ? 'interrupted' : state,
    file,
    createdAtMs,
    ...(budget !== undefined && { budget }),
    spent: paid,
    committed: formatAmount(committed({ steps: steps.map(withoutEnded) })),
    steps: steps.map(viewOfStep),
  }
}

function withoutEnded(step: ChainStep): ChainStep {
  return { ...step, tries: step.tries.filter(({ cost }) => cost === undefined) }
}

function viewOfStep({ plan, state, tries, reason, output }: ChainStep): StepView {
  const { executor, reviewers = [] } = tries.at(-1) ?? {}
  const asked = reviewers.filter(({ isOut }) => !isOut).map(({ agentId }) => agentId)
  return {
    id: plan.id,
    state,
    ...(executor && { agentId: executor.agentId }),
    ...(asked.length > 0 && { reviewers: asked }),
    ...(executor?.assignmentId !== undefined && { assignmentId: executor.assignmentId }),
    tries: tries.length,
    ...(reason !== undefined && { reason }),
    ...(output && { output }),
  }
}
