import {
  fromBase64url,
  type SettleReceipt,
  type SubmitVerdictInput,
  type Verdict,
  type VerdictReceipt,
  verdictBytes,
} from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { appendEvents } from '../events/operations.ts'
import { forEachDue } from '../for-each-due.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { getAgent } from '../identity/operations.ts'
import { findHoldOfAssignment } from '../settlement/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import {
  type AssignmentRecord,
  closeReview,
  decideWork,
  failReview,
  getAssignment,
  listOpenReviews,
  listReviewsOf,
  lockAssignment,
  lockReviewOf,
  lockToDecide,
  requireState,
  reworkWork,
  sweepAssignments,
} from '../tasks/operations.ts'
import { checkInTime, checkScore, counts, decide, isOver } from './rules.ts'
import { appendVerdict, listLeft, listOutcomes, listOverdue, listVerdictRecords } from './store.ts'

/** How many decisions one sweep takes; the rest waits for the next one. */
const SWEEP_BATCH = 200

/**
 * Take a reviewer's signed verdict; decision and money commit with it.
 *
 * @throws Refusal `not_found`, `unauthenticated` (signature), `wrong_state` (target not submitted, another attempt, review time over), `stale_lease`, `already_exists`, `invalid_input`.
 */
export function submitVerdict(deps: Deps, call: Call, input: SubmitVerdictInput): Promise<VerdictReceipt> {
  return once(deps, call, input, async (tx) => {
    const review = await lockReviewOf(tx, call.callerId, input.reviewAssignmentId)
    if (review.targetAssignmentId !== input.targetAssignmentId) throw notFound('work under this review')
    checkScore(input)
    await checkSignature(tx, call.callerId, input)
    const target = await getAssignment(tx, input.targetAssignmentId)
    requireState(target, 'submitted')
    if (target.attempt !== input.attempt) throw new Refusal('wrong_state', `the work is at attempt ${target.attempt}`)
    checkInTime(target, deps.now())

    const verdict = await record(deps, tx, call.callerId, input)
    const closed = await closeReview(tx, review, { leaseEpoch: input.leaseEpoch, says: counts(input.outcome) })
    if (!closed.hasSpoken) await failReview(deps, tx, closed, call.callerId)
    const decided = await decideAttempt(deps, tx, target, call.callerId)
    const { assignmentId, state, attempt } = decided
    return { verdictId: verdict.verdictId, outcome: verdict.outcome, target: { assignmentId, state, attempt } }
  })
}

async function checkSignature(
  reader: Reader,
  reviewerId: string,
  { signature, ...statement }: SubmitVerdictInput,
): Promise<void> {
  const { signKey } = await getAgent(reader, reviewerId)
  const bytes = fromBase64url(signature)
  if (!bytes || !verify('verdict', verdictBytes(statement), bytes, signKey)) {
    throw new Refusal('unauthenticated', 'the verdict is not signed by the key of this agent')
  }
}

async function record(
  deps: Deps,
  tx: Tx,
  reviewerId: string,
  { leaseEpoch: _, ...statement }: SubmitVerdictInput,
): Promise<Verdict> {
  const verdict: Verdict = { ...statement, verdictId: deps.newId('ver'), reviewerId, atMs: deps.now() }
  if (!(await appendVerdict(tx, verdict))) throw new Refusal('already_exists', 'this review has a verdict on this attempt')
  const { verdictId, targetAssignmentId, reviewAssignmentId } = verdict
  const target = await getAssignment(tx, targetAssignmentId)
  await appendEvents(deps, tx, [target.buyerId, target.assigneeId], {
    kind: 'verdict.submitted',
    taskId: target.taskId,
    assignmentId: reviewAssignmentId,
    targetAssignmentId,
    verdictId,
  })
  return verdict
}

/** Decide the current attempt of submitted work, if it can be decided, and act on it in the same transaction. */
async function decideAttempt(deps: Deps, tx: Tx, target: AssignmentRecord, actor: string): Promise<AssignmentRecord> {
  const reviews = await listOpenReviews(tx, target.assignmentId)
  const decision = decide({
    rule: target.reviewRule,
    outcomes: await listOutcomes(tx, target.assignmentId, target.attempt),
    pending: reviews.filter(({ state }) => state !== 'submitted').length,
    isOver: isOver(target, deps.now()),
  })
  if (decision === undefined) return target
  if (decision === 'failed' && target.attempt < target.maxAttempts) return reworkWork(deps, tx, target)
  return decideWork(deps, tx, target, { end: decision, actor })
}

/** Decide again what can be decided: idempotent, for repair. @throws Refusal `not_found` */
export function settleAssignment(deps: Deps, call: Call, assignmentId: string): Promise<SettleReceipt> {
  return once(deps, call, { assignmentId }, async (tx) => {
    const assignment = await lockAssignment(tx, assignmentId)
    if (!assignment) throw notFound('assignment')
    if (assignment.buyerId !== call.callerId && assignment.assigneeId !== call.callerId) throw notFound('assignment')
    const target = assignment.targetAssignmentId ? await getAssignment(tx, assignment.targetAssignmentId) : assignment
    if (target.state === 'submitted') await decideAttempt(deps, tx, target, call.callerId)
    const { state } = await getAssignment(tx, assignmentId)
    const hold = await findHoldOfAssignment(tx, assignmentId)
    return { assignmentId, state, holdId: hold?.holdId, holdState: hold?.state }
  })
}

/** Verdicts on a piece of work, for its buyer, its executor and its reviewers. @throws Refusal `not_found` */
export function listVerdicts(deps: Deps, agentId: string, assignmentId: string): Promise<{ verdicts: Verdict[] }> {
  return deps.db.read(async (reader) => {
    const assignment = await getAssignment(reader, assignmentId)
    const target = assignment.targetAssignmentId ? await getAssignment(reader, assignment.targetAssignmentId) : assignment
    const reviewers = (await listReviewsOf(reader, target.assignmentId)).map((each) => each.assigneeId)
    const isParty = [target.buyerId, target.assigneeId].includes(agentId)
    if (!isParty && !reviewers.includes(agentId)) throw notFound('assignment')
    const verdicts = await listVerdictRecords(reader, assignmentId)
    return { verdicts: verdicts.filter((each) => isParty || each.reviewerId === agentId) }
  })
}

/** Expire assignments by their clocks, then decide work whose review time is over, or that a reviewer left without a word. @returns how many of both. */
export async function sweepWork(deps: Deps): Promise<number> {
  const expired = await sweepAssignments(deps)
  const due = await deps.db.read(async (reader) => [
    ...(await listOverdue(reader, deps.now(), SWEEP_BATCH)),
    ...(await listLeft(reader, SWEEP_BATCH)),
  ])
  const decided = await forEachDue(due, (assignmentId) =>
    deps.db.write(async (tx) => {
      const target = await lockToDecide(tx, assignmentId)
      return target?.state === 'submitted' && (await decideAttempt(deps, tx, target, 'platform')).state !== 'submitted'
    }),
  )
  return expired + decided
}
