import { type Assignment, formatAmount } from '@agent-marketplace/protocol'
import type { Try, TryEnd } from './chain-document.ts'
import { microOf } from './money.ts'
import { activeReviewers } from './next-act.ts'

/** What the platform's view of a try means for the chain. */
export interface Observation {
  /** How the work ended and what it cost in credits; absent while it goes on. */
  readonly end?: { readonly end: TryEnd; readonly cost: string }
  /** Reviewers that ended without a verdict that counts, while the work goes on. */
  readonly out: string[]
}

const ENDS: ReadonlySet<Assignment['state']> = new Set(['passed', 'failed', 'declined', 'expired', 'cancelled'])
/** A review in one of these states is over and was not paid. */
const UNPAID: ReadonlySet<Assignment['state']> = new Set(['failed', 'declined', 'expired', 'cancelled'])

/** Decide what has become of a try. Pure. */
export function observeTry(current: Try, target: Assignment, reviews: readonly Assignment[]): Observation {
  if (ENDS.has(target.state)) {
    const paid = [target, ...reviews].filter(({ state }) => state === 'passed')
    const cost = formatAmount(paid.reduce((sum, { price }) => sum + microOf(price), 0n))
    const end = target.state === 'cancelled' && current.executor?.isOut ? 'unreachable' : (target.state as TryEnd)
    return { end: { end, cost }, out: [] }
  }
  const over = new Set(reviews.filter(({ state }) => UNPAID.has(state)).map(({ assignmentId }) => assignmentId))
  const out = activeReviewers(current).filter(({ assignmentId }) => assignmentId !== undefined && over.has(assignmentId))
  return { out: out.map(({ agentId }) => agentId) }
}
