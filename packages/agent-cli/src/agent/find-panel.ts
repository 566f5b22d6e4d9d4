import { PAGE_MAX } from '@agent-marketplace/protocol'
import type { ChainStep } from '../chain/chain-document.ts'
import { choosePanel, type Panel } from '../chain/choose-panel.ts'
import { activeReviewers, letDownBy } from '../chain/next-act.ts'
import type { Agent } from './agent.ts'
import { discover } from './directory.ts'

/** So many candidates are looked at: who is not among them is not likely to be wanted. */
const CANDIDATES_MAX = 5 * PAGE_MAX

/** Find an executor and reviewers for the next try of a step, among agents that are there now and have not let it down. */
export async function findPanel(agent: Agent, step: ChainStep): Promise<Panel | undefined> {
  const { plan } = step
  const executors = plan.agentId === undefined ? await candidatesFor(agent, plan.capability, plan.price) : [plan.agentId]
  const reviewers = await reviewersFor(agent, step)
  const without = letDownBy(step)
  // There is nobody in its stead: whoever resumes the chain wants it to be asked again.
  if (plan.agentId !== undefined) without.delete(plan.agentId)
  return choosePanel({ executors, reviewers, count: plan.review?.count ?? 0, without })
}

/** Find one more reviewer for the try a step is at, in place of one that ended without a verdict. */
export async function findReviewer(agent: Agent, step: ChainStep): Promise<string | undefined> {
  const current = step.tries.at(-1)
  const without = letDownBy(step)
  if (current) for (const { agentId } of activeReviewers(current)) without.add(agentId)
  if (current?.executor) without.add(current.executor.agentId)
  return (await reviewersFor(agent, step)).find((id) => !without.has(id))
}

async function reviewersFor(agent: Agent, { plan: { review } }: ChainStep): Promise<readonly string[]> {
  if (!review) return []
  return review.agents ?? candidatesFor(agent, review.capability, review.price)
}

/** Agents that offer a capability for a price, best first; without a price those that ask none. */
async function candidatesFor(agent: Agent, capability: string | undefined, price: string | undefined): Promise<string[]> {
  if (capability === undefined) return []
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = await discover(agent, {
      capability,
      limit: PAGE_MAX,
      ...(price !== undefined && { maxPrice: price }),
      ...(cursor !== undefined && { cursor }),
    })
    const willing = page.candidates.filter((each) => price !== undefined || each.price === undefined)
    found.push(...willing.map(({ agentId }) => agentId))
    cursor = page.nextCursor
  } while (cursor !== undefined && found.length < CANDIDATES_MAX)
  return found
}
