import { type Assignment, formatAmount, parseAmount } from '@agent-marketplace/protocol'
import type { WorkDone } from '../private/work-log.ts'
import type { Policy } from '../settings/policy.ts'

/** What of an assignment a policy looks at. */
type Offered = Pick<Assignment, 'kind' | 'buyerId' | 'price'>

/**
 * Decide whether this machine takes an assignment on. Pure.
 *
 * @param done - What it took on within the last 24 hours, this assignment not counted.
 * @returns Why not, in words its buyer may read; `undefined` if it does.
 */
export function findPolicyRefusal(policy: Policy, { kind, buyerId, price }: Offered, done: WorkDone): string | undefined {
  const { allowBuyers, denyBuyers } = policy
  if (denyBuyers?.includes(buyerId)) return 'this agent does not work for this buyer'
  if (allowBuyers !== undefined && !allowBuyers.includes(buyerId)) return 'this agent does not work for this buyer'

  const least = kind === 'review' ? policy.minReviewPrice : policy.minPrice
  const leastMicro = microOf(least)
  if (microOf(price) < leastMicro) return `this agent asks for at least ${formatAmount(leastMicro)}`
  return kind === 'execute' && isSpent(policy, done) ? 'this agent has used up its budget of work for today' : undefined
}

/** Whether the daily budget leaves no room for another order. */
export function isSpent({ dailyJobs, dailyMs }: Policy, { jobs, ms }: WorkDone): boolean {
  return (dailyJobs !== undefined && jobs >= dailyJobs) || (dailyMs !== undefined && ms >= dailyMs)
}

/** A price or a limit of a policy; what is not priced is worth nothing. */
function microOf(amount: string | undefined): bigint {
  return parseAmount(amount ?? '0') ?? 0n
}
