import type { Assignment } from '@agent-marketplace/protocol'
import { findSent, listSent } from '../private/outbox.ts'
import { markSubmission, noteSubmitted, openSubmissions, type Submission } from '../private/submissions.ts'
import type { Agent } from './agent.ts'
import { readyPurpose, sealAnnouncements } from './announce-work.ts'
import { deliverNow } from './deliver-outbox.ts'
import { findOrder } from './find-order.ts'
import { isOpen, readReviews } from './handoff-parties.ts'
import { recipientsOf } from './key-recipients.ts'
import { completeAssignment, readAssignment } from './lease.ts'
import { isPassShown, refuseHiddenReviews } from './prove-pass.ts'
import { sealDocument } from './seal-document.ts'
import { tryEach } from './try-each.ts'

/** What became of handed-over work. `announced`: a reviewer named late has it now. `completed`: its announcements have left, and the platform has been told. */
export interface Release {
  readonly assignmentId: string
  readonly attempt: number
  readonly outcome: 'released' | 'withheld' | 'announced' | 'completed'
  readonly sentTo: string[]
}

/**
 * Look after all work this agent handed over: release the keys of what passed (or was never to be reviewed), withhold those of what did not,
 * and announce it to reviewers named since.
 *
 * @param only - Look at this assignment alone.
 * @throws CliError the first failure, after all were looked at; what failed is looked after at the next call.
 */
export async function releaseDue(agent: Agent, only?: string): Promise<Release[]> {
  const releases: Release[] = []
  const works = openSubmissions(agent.vault).filter(({ assignmentId }) => only === undefined || assignmentId === only)
  await tryEach(works, async (work) => {
    const release = await releaseWork(agent, work)
    if (release) releases.push(release)
  })
  return releases
}

/**
 * Decide about one attempt's work by what the platform says of its assignment. Delivery is against payment: keys leave this machine only when the
 * assignment has passed, and those who were to judge it signed that it has; or while it is submitted and no reviewer was ever named.
 */
async function releaseWork(agent: Agent, work: Submission): Promise<Release | undefined> {
  const assignment = await readAssignment(agent, work.assignmentId)
  const { state, attempt } = assignment
  const about = { assignmentId: work.assignmentId, attempt: work.attempt }

  if (attempt === work.attempt && state === 'passed') {
    if (!(await isPassShown(agent, work, assignment))) return undefined
    return { ...about, outcome: 'released', sentTo: await sendKeys(agent, work, assignment) }
  }
  if (attempt === work.attempt && state === 'submitted') return followReviews(agent, work, assignment)
  if (attempt === work.attempt && state === 'working' && work.state === 'sealed')
    return completeAnnounced(agent, work, assignment)
  if (attempt === work.attempt && isOpen(assignment)) return undefined
  markSubmission(agent.vault, work, 'withheld')
  return { ...about, outcome: 'withheld', sentTo: [] }
}

/** Work is announced before it is complete, and announcements may rest: the buyer's is sealed last, so where there is one there are all. */
async function completeAnnounced(agent: Agent, work: Submission, { buyerId }: Assignment): Promise<Release | undefined> {
  const { assignmentId, attempt } = work
  const announced = listSent(agent.vault, 'work.ready', assignmentId).filter(({ document }) => document.attempt === attempt)
  if (!announced.some(({ to }) => to === buyerId) || !announced.every(({ isSent }) => isSent)) return undefined
  noteSubmitted(agent.vault, work, (await completeAssignment(agent, assignmentId)).reviewByMs)
  return { assignmentId, attempt, outcome: 'completed', sentTo: announced.map(({ to }) => to) }
}

async function followReviews(agent: Agent, work: Submission, assignment: Assignment): Promise<Release | undefined> {
  const { assignmentId, attempt } = work
  noteSubmitted(agent.vault, work, assignment.reviewByMs)
  const reviews = await readReviews(agent, assignmentId)
  refuseHiddenReviews(agent, assignment, reviews)
  if (reviews.length === 0) return { assignmentId, attempt, outcome: 'released', sentTo: await sendKeys(agent, work, assignment) }

  const isKnown = (to: string) => findSent(agent.vault, 'work.ready', readyPurpose(work, to)) !== undefined
  const late = reviews.filter((review) => isOpen(review) && review.assigneeId !== undefined && !isKnown(review.assigneeId))
  if (late.length === 0) return undefined
  const sealed = await sealAnnouncements(agent, work, { buyerId: assignment.buyerId, reviews: late })
  const reached = late.flatMap(({ assigneeId }) => (assigneeId !== undefined && sealed.has(assigneeId) ? assigneeId : []))
  if (reached.length === 0) return undefined
  await deliverNow(agent, [...sealed.values()])
  return { assignmentId, attempt, outcome: 'announced', sentTo: reached }
}

/** Send the keys to the buyer, and to whom the order names beside it. */
async function sendKeys(agent: Agent, work: Submission, assignment: Assignment): Promise<string[]> {
  const { assignmentId, attempt, artifacts } = work
  const recipients = recipientsOf(assignment, findOrder(agent, assignment)?.document.deliverTo)
  // One who cannot be reached does not keep the others from getting theirs.
  await tryEach(recipients, async ({ to, vouched }) => {
    const announced = findSent(agent.vault, 'work.ready', readyPurpose(work, to))
    const document = {
      v: 1 as const,
      assignmentId,
      attempt,
      ...(announced && { ref: announced.hash }),
      artifacts: [...artifacts],
    }
    const purpose = `work.key ${assignmentId} ${attempt} ${to}`
    await deliverNow(agent, [await sealDocument(agent, { to, typ: 'work.key', document, purpose, vouched })])
  })
  markSubmission(agent.vault, work, 'released')
  return recipients.map(({ to }) => to)
}
