import { randomUUID } from 'node:crypto'
import { type AssignInput, type SubmitVerdictInput, toBase64url, verdictBytes } from '@agent-marketplace/protocol'
import { generateSigningKey, sign } from '@agent-marketplace/protocol/signing'
import type { Deps } from '../packages/platform-server/src/deps.ts'
import { callAs, proveKey, signCard, signPrekey } from '../packages/platform-server/test/platform.ts'
import { type Home, openDeps } from './seed.ts'

/** A buyer may have 10 000 open assignments, so that a measurement takes several. */
const BUYERS = 12
const CREDITS = '1000000'
/** Jobs that are prepared side by side: transactions that wait for each other share a commit. */
const TOGETHER = 50
const HOUR_MS = 3_600_000

/** Who is there before the first call, and the calls they are about to make. */
export interface Scene {
  /** Of somebody who has no assignments. */
  readonly token: string
  /** An assignment with money, by the next buyer each time. */
  readonly assign: () => { token: string; input: AssignInput }
  /** Verdicts that each end a job of their own, and whose they are. */
  readonly verdicts: { readonly token: string; readonly inputs: readonly SubmitVerdictInput[] }
}

interface Party {
  readonly agentId: string
  readonly keys: ReturnType<typeof generateSigningKey>
  readonly token: string
}

/** Fill the storage of a server before it starts. @param jobs - How many wait for nothing but a verdict. */
export async function seedScene(home: Home, jobs: number): Promise<Scene> {
  const deps = await openDeps(home)
  const [bystander, executor, reviewer, ...buyers] = await Promise.all(
    ['bystander', 'executor', 'reviewer', ...Array.from({ length: BUYERS + 1 }, (_, index) => `buyer-${index}`)].map((agentId) =>
      joinPlatform(deps, agentId),
    ),
  )
  const [patron, ...others] = buyers
  if (!bystander || !executor || !reviewer || !patron) throw new Error('somebody is missing')
  for (const { token } of buyers) await callAs(deps, token, randomUUID()).settlement.deposit({ amount: CREDITS })
  const places = await Promise.all(others.map(async ({ token }) => ({ token, taskId: await openTask(deps, token) })))
  const verdicts = await prepareVerdicts(deps, { patron, executor, reviewer }, jobs)
  await deps.db.close()

  let turn = 0
  return {
    token: bystander.token,
    verdicts: { token: reviewer.token, inputs: verdicts },
    assign() {
      const { token, taskId } = places[turn++ % places.length] as (typeof places)[number]
      return { token, input: workOf(taskId, executor) }
    },
  }
}

function workOf(taskId: string, { agentId }: Party): AssignInput {
  const clocks = { acceptWithinMs: HOUR_MS, leaseMs: HOUR_MS, reviewWithinMs: HOUR_MS }
  return { taskId, assigneeAgentId: agentId, kind: 'execute', price: '1', fund: true, maxAttempts: 1, ...clocks }
}

/** Register an agent and open a session for it. */
export async function joinPlatform(deps: Deps, agentId: string): Promise<Party> {
  const keys = generateSigningKey()
  const nowMs = deps.now()
  const proof = () => proveKey(keys, { agentId, audience: deps.config.origin, nowMs })
  await callAs(deps, undefined, randomUUID()).identity.register({
    card: signCard(keys, { agentId, nowMs }),
    proof: proof(),
    prekey: signPrekey(keys, { agentId, nowMs }),
  })
  const { token } = await callAs(deps).identity.openSession(proof())
  return { agentId, keys, token }
}

async function openTask(deps: Deps, token: string): Promise<string> {
  return (await callAs(deps, token, randomUUID()).tasks.createTask({})).taskId
}

async function prepareVerdicts(
  deps: Deps,
  parties: { patron: Party; executor: Party; reviewer: Party },
  count: number,
): Promise<SubmitVerdictInput[]> {
  const taskId = await openTask(deps, parties.patron.token)
  const verdicts: SubmitVerdictInput[] = []
  while (verdicts.length < count) {
    const size = Math.min(TOGETHER, count - verdicts.length)
    verdicts.push(...(await Promise.all(Array.from({ length: size }, () => prepareVerdict(deps, { ...parties, taskId })))))
  }
  return verdicts
}

/** Bring a job to where a verdict ends it and pays for it. */
async function prepareVerdict(
  deps: Deps,
  { patron, executor, reviewer, taskId }: { patron: Party; executor: Party; reviewer: Party; taskId: string },
): Promise<SubmitVerdictInput> {
  const as = ({ token }: Party) => callAs(deps, token, randomUUID())
  const { assignment: work } = await as(patron).tasks.assign(workOf(taskId, executor))
  const { assignmentId } = work
  const { assignment: review } = await as(patron).tasks.assign({
    ...workOf(taskId, reviewer),
    kind: 'review',
    targetAssignmentId: assignmentId,
  })
  const { leaseEpoch } = await as(executor).tasks.acceptAssignment({ assignmentId })
  await as(executor).tasks.completeAssignment({ assignmentId, leaseEpoch })
  const judging = await as(reviewer).tasks.acceptAssignment({ assignmentId: review.assignmentId })
  const statement = {
    reviewAssignmentId: review.assignmentId,
    targetAssignmentId: assignmentId,
    attempt: 1,
    outcome: 'passed',
    scoreBps: 10_000,
    issuedAtMs: 0,
  } as const
  const signature = toBase64url(sign('verdict', verdictBytes(statement), reviewer.keys.secretKey))
  return { ...statement, signature, leaseEpoch: judging.leaseEpoch }
}
