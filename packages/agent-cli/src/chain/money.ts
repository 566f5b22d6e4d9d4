import { formatAmount, parseAmount } from '@agent-marketplace/protocol'
import type { ChainDocument, PlannedStep, Try } from './chain-document.ts'

/** Micro-credits of a sum that was parsed before; none for one that is not there. */
export function microOf(sum: string | undefined): bigint {
  const micro = parseAmount(sum ?? '0')
  if (micro === undefined) throw new Error('a sum is canonical')
  return micro
}

/** What one executor with its reviewers costs if the work passes, micro-credits. */
export function costOfTry({ price, review }: Pick<PlannedStep, 'price' | 'review'>): bigint {
  return microOf(price) + (review ? BigInt(review.count) * microOf(review.price) : 0n)
}

/** The least a chain costs if every step passes at the first try. */
export function leastCost(steps: readonly Pick<PlannedStep, 'price' | 'review'>[]): bigint {
  return steps.reduce((sum, step) => sum + costOfTry(step), 0n)
}

/** What a try has cost, or may still cost: as long as it runs, the price of everybody who was chosen and may earn it. */
function committedBy(each: Try, plan: PlannedStep): bigint {
  if (each.cost !== undefined) return microOf(each.cost)
  if (!each.executor) return 0n
  const reviewers = each.reviewers.filter(({ isOut }) => !isOut).length
  return microOf(plan.price) + BigInt(reviewers) * microOf(plan.review?.price)
}

/** What a chain has spent and set aside so far, micro-credits. */
export function committed({ steps }: Pick<ChainDocument, 'steps'>): bigint {
  return steps.reduce((sum, { plan, tries }) => tries.reduce((part, each) => part + committedBy(each, plan), sum), 0n)
}

/** What the tries that have ended cost, in credits. */
export function spent({ steps }: Pick<ChainDocument, 'steps'>): string {
  return formatAmount(steps.flatMap(({ tries }) => tries).reduce((sum, { cost }) => sum + microOf(cost), 0n))
}

/** Whether another try of a step stays within the budget. */
export function isWithinBudget(chain: ChainDocument, plan: PlannedStep): boolean {
  return chain.budget === undefined || committed(chain) + costOfTry(plan) <= microOf(chain.budget)
}
