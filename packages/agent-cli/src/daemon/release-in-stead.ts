import { deliverNow } from '../agent/deliver-outbox.ts'
import { findBrief, findWork, type ReviewParties } from '../agent/find-review.ts'
import { recipientsOf } from '../agent/key-recipients.ts'
import { sealDocument } from '../agent/seal-document.ts'
import { tryEach } from '../agent/try-each.ts'
import { type Job, moveJob } from '../private/jobs.ts'
import { findDecision } from '../private/verdicts.ts'
import type { Daemon } from './daemon-context.ts'

/** How long the executor has to release the keys of work that passed. */
const EXECUTOR_WITHIN_MS = 600_000

/**
 * The review is over. If the work passed, the buyer has paid for keys this reviewer holds: should the executor have gone away, it gets them from here.
 * Whether the executor has released them cannot be seen; one drop too many does no harm.
 */
export async function releaseInStead({ agent, emit, wake }: Daemon, job: Job, parties: ReviewParties): Promise<Job | undefined> {
  const { review, target } = parties
  const work = findWork(agent, parties)
  const hasPassed = target.state === 'passed' && findDecision(agent.vault, job.assignmentId, target.attempt)?.outcome === 'passed'
  if (!hasPassed || !work) {
    moveJob(agent.vault, job, { state: 'ended' }, agent.now())
    return undefined
  }
  if (job.state !== 'standby') return moveJob(agent.vault, job, { state: 'standby' }, agent.now())
  const leftMs = EXECUTOR_WITHIN_MS - (agent.now() - job.sinceMs)
  if (leftMs > 0) {
    setTimeout(wake, leftMs).unref()
    return undefined
  }

  const { assignmentId, attempt } = target
  const document = { v: 1 as const, assignmentId, attempt, ref: work.hash, artifacts: [...work.artifacts] }
  const recipients = recipientsOf(review, findBrief(agent, parties)?.document.deliverTo)
  await tryEach(recipients, async ({ to, vouched }) => {
    const purpose = `work.key ${assignmentId} ${attempt} ${to}`
    await deliverNow(agent, [await sealDocument(agent, { to, typ: 'work.key', document, purpose, vouched })])
  })
  moveJob(agent.vault, job, { state: 'ended' }, agent.now())
  emit('key-released', { assignmentId, attempt, sentTo: recipients.map(({ to }) => to) })
  return undefined
}
