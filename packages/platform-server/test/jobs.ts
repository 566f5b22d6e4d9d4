import {
  type AssignInput,
  type Assignment,
  type Outcome,
  toBase64url,
  type VerdictReceipt,
  type VerdictStatement,
  verdictBytes,
} from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import type { TestAgent, TestPlatform } from './platform.ts'

/** One piece of work with its reviews and everybody who takes part. */
export interface Job {
  readonly platform: TestPlatform
  readonly buyer: TestAgent
  readonly executor: TestAgent
  readonly reviewers: readonly TestAgent[]
  readonly taskId: string
  readonly workId: string
  readonly reviewIds: readonly string[]
}

export interface JobOptions extends Partial<Pick<AssignInput, 'acceptWithinMs' | 'leaseMs' | 'reviewWithinMs' | 'fund'>> {
  readonly reviewers?: number
  readonly rule?: 'unanimous' | 'majority'
  readonly attempts?: number
  readonly price?: string
  readonly reviewPrice?: string
  readonly buyerMayReview?: boolean
  readonly credits?: string
}

/** The clocks of a job unless a test sets others: short, so that everybody’s session outlives them. */
export const ACCEPT_WITHIN_MS = 300_000
export const LEASE_MS = 60_000
export const REVIEW_WITHIN_MS = 600_000

/** A buyer with 100 credits, an executor assigned to work for 10, and reviewers assigned for 1 each; nobody has accepted. */
export async function openJob(platform: TestPlatform, options: JobOptions = {}): Promise<Job> {
  const { reviewers: count = 0, rule, attempts, price = '10', reviewPrice = '1', buyerMayReview, credits = '100' } = options
  const { acceptWithinMs = ACCEPT_WITHIN_MS, leaseMs = LEASE_MS, reviewWithinMs = REVIEW_WITHIN_MS, fund } = options
  const names = Array.from({ length: count }, (_, index) => `reviewer-${index + 1}`)
  const [buyer, executor, ...reviewers] = await Promise.all([
    platform.agent('buyer', { credits }),
    platform.agent('executor', { capabilities: [{ name: 'text.extract', maxConcurrency: 100 }] }),
    ...names.map((name) => platform.agent(name, { capabilities: [{ name: 'review.json', maxConcurrency: 100 }] })),
  ])
  const { taskId } = await buyer.api.tasks.createTask({ reviewRule: rule, buyerMayReview })
  const given = { taskId, kind: 'execute', assigneeAgentId: 'executor', capability: 'text.extract' } as const
  const terms = { price, maxAttempts: attempts, acceptWithinMs, leaseMs, reviewWithinMs, fund }
  const { assignment } = await buyer.api.tasks.assign({ ...given, ...terms })
  const workId = assignment.assignmentId
  const reviewIds = await Promise.all(
    reviewers.map(({ agentId }) => nameReviewer({ buyer, taskId, workId }, agentId, { price: reviewPrice })),
  )
  return { platform, buyer, executor, reviewers, taskId, workId, reviewIds }
}

/** @returns the id of the review assignment. */
export async function nameReviewer(
  { buyer, taskId, workId }: Pick<Job, 'buyer' | 'taskId' | 'workId'>,
  reviewerId: string,
  terms: { price?: string | undefined; fund?: boolean; acceptWithinMs?: number } = {},
): Promise<string> {
  const given = { taskId, kind: 'review', assigneeAgentId: reviewerId, targetAssignmentId: workId } as const
  const { assignment } = await buyer.api.tasks.assign({ acceptWithinMs: ACCEPT_WITHIN_MS, ...given, ...terms })
  return assignment.assignmentId
}

/** The executor accepts. */
export function acceptWork({ executor, workId }: Job): Promise<Assignment> {
  return executor.api.tasks.acceptAssignment({ assignmentId: workId })
}

/** The executor hands its work in, having accepted it if it had not. */
export async function submitWork(job: Job): Promise<Assignment> {
  const { state, leaseEpoch } = await getWork(job)
  const epoch = state === 'assigned' ? (await acceptWork(job)).leaseEpoch : leaseEpoch
  return job.executor.api.tasks.completeAssignment({ assignmentId: job.workId, leaseEpoch: epoch })
}

export async function getWork({ buyer, workId }: Pick<Job, 'buyer' | 'workId'>): Promise<Assignment> {
  return (await buyer.api.tasks.getAssignment({ assignmentId: workId })).assignment
}

export async function getReview({ buyer, reviewIds }: Job, index = 0): Promise<Assignment> {
  return (await buyer.api.tasks.getAssignment({ assignmentId: at(reviewIds, index) })).assignment
}

/** A verdict, signed by the one who gives it, on the attempt the work is in; what is given replaces what would be right. */
export async function signedVerdict(
  { buyer, workId, reviewers, reviewIds }: Job,
  index: number,
  spoiled: Partial<VerdictStatement> & { leaseEpoch?: number; signer?: TestAgent; reviewAssignmentId?: string } = {},
): Promise<VerdictStatement & { leaseEpoch: number; signature: string }> {
  const { leaseEpoch, signer = at(reviewers, index), ...said } = spoiled
  const statement: VerdictStatement = {
    reviewAssignmentId: said.reviewAssignmentId ?? at(reviewIds, index),
    targetAssignmentId: workId,
    attempt: (await getWork({ buyer, workId })).attempt,
    outcome: 'passed',
    scoreBps: 0,
    issuedAtMs: 0,
    ...said,
  }
  const signature = toBase64url(sign('verdict', verdictBytes(statement), signer.keys.secretKey))
  return { ...statement, leaseEpoch: leaseEpoch ?? 1, signature }
}

/** A reviewer gives its verdict, having accepted the review if it had not. */
export async function giveVerdict(job: Job, index: number, outcome: Outcome): Promise<VerdictReceipt> {
  const reviewer = at(job.reviewers, index)
  const assignmentId = at(job.reviewIds, index)
  if ((await getReview(job, index)).state === 'assigned') await reviewer.api.tasks.acceptAssignment({ assignmentId })
  return reviewer.api.review.submitVerdict(await signedVerdict(job, index, { outcome }))
}

/** What these agents have: `[available, held]` each. */
export async function moneyOf(...agents: TestAgent[]): Promise<Record<string, [available: string, held: string]>> {
  const entries = agents.map(async ({ agentId, api }) => {
    const { available, held } = await api.settlement.balance({})
    return [agentId, [available, held]] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as Record<string, [string, string]>
}

/** The kinds of all events of an agent, in order. */
export async function eventsOf(agent: TestAgent): Promise<string[]> {
  return (await agent.api.events.wait({})).events.map((each) => each.kind)
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new Error(`there is no number ${index}`)
  return item
}
