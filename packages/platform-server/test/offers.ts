import { ACCEPT_WITHIN_MS, type Job } from './jobs.ts'
import type { TestAgent, TestPlatform } from './platform.ts'

type Terms = Partial<Parameters<TestAgent['api']['tasks']['assign']>[0]>

/** Offer work of a buyer's task to everybody who can extract text. */
export async function offer({ buyer, taskId }: Pick<Job, 'buyer' | 'taskId'>, terms: Terms = {}): Promise<string> {
  const given = { taskId, kind: 'execute', capability: 'text.extract', price: '10', acceptWithinMs: ACCEPT_WITHIN_MS } as const
  return (await buyer.api.tasks.assign({ ...given, ...terms })).assignment.assignmentId
}

export async function openMarket(platform: TestPlatform) {
  const [buyer, worker] = await Promise.all([
    platform.agent('buyer', { credits: '100' }),
    platform.agent('worker', { capabilities: [{ name: 'text.extract', maxConcurrency: 2 }] }),
  ])
  const { taskId } = await buyer.api.tasks.createTask({})
  return { buyer, worker, taskId }
}

export const claim = (agent: TestAgent, assignmentId: string) => agent.api.tasks.claimOffer({ assignmentId })
export const shownTo = async (agent: TestAgent) => (await agent.api.tasks.listOffers({})).offers.map((each) => each.assignmentId)
