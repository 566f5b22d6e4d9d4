import type { Assignment } from '@agent-marketplace/protocol'
import { listSent } from '../private/outbox.ts'
import { findSubmission, keepSubmission, noteSubmitted } from '../private/submissions.ts'
import type { Agent } from './agent.ts'
import { sealAnnouncements } from './announce-work.ts'
import { CliError, usage } from './cli-error.ts'
import { deliverNow, type Held } from './deliver-outbox.ts'
import { findOrder } from './find-order.ts'
import { readReviews, refuseUnless } from './handoff-parties.ts'
import { completeAssignment, readAssignment } from './lease.ts'
import { refuseFlawed } from './preflight.ts'
import { refuseHiddenReviews } from './prove-pass.ts'
import { releaseDue } from './release-key.ts'
import { type OnProgress, sealFiles } from './seal-files.ts'
import { areSameContents } from './work-contents.ts'

export interface WorkInput {
  readonly assignmentId: string
  readonly files: readonly string[]
  readonly key?: string | undefined
  /** Work that does not pass the validators of its order is refused before anything of it is sent. */
  readonly isChecked?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** `dueAtMs`: the announcements rest until then, and the platform hears of the work after that, from the daemon or from this command run again. */
export interface WorkReceipt extends Held {
  readonly assignmentId: string
  readonly state: Assignment['state']
  /** Everybody the work was announced to, reviewers first. */
  readonly sentTo: string[]
}

/**
 * Hand over the work of the attempt an assignment is in: seal and upload the files, announce them to reviewers (with keys) and buyer (without), and only
 * then tell the platform that it is complete. Where drops rest before they are sent, that is later: `releaseDue` does it then. Run again after an interruption it goes on where it was; nothing is announced or completed twice.
 *
 * @throws CliError `forbidden` unless the caller is the executor, `wrong_state` unless it is working or (checked) if it would not pass, `already_exists` if other files were announced for
 *   this attempt, `stale_lease`, `usage`, `unreachable` and the like.
 */
export async function submitWork(agent: Agent, input: WorkInput): Promise<WorkReceipt> {
  const { assignmentId, files, key, signal, onProgress } = input
  const assignment = await readAssignment(agent, assignmentId)
  refuseUnless(assignment.assigneeId === agent.agentId, 'only the executor of an assignment hands in its work')
  if (assignment.kind !== 'execute') throw usage('a review is answered with a verdict, not with work')
  if (files.length === 0) throw usage('work is at least one file: --file')
  const { attempt, state } = assignment
  const isHandedIn = state === 'submitted' || state === 'passed'
  if (state !== 'working' && !(isHandedIn && findSubmission(agent.vault, assignmentId, attempt)))
    throw new CliError('wrong_state', `the assignment is ${state}`)

  // Before the upload: whoever is shown a made-up reviewer sends nothing. One named meanwhile is told by `releaseDue`.
  const reviews = await readReviews(agent, assignmentId)
  refuseHiddenReviews(agent, assignment, reviews)
  if (input.isChecked && state === 'working') await refuseFlawed(agent, assignment, { files, signal })
  const artifacts = await sealFiles(agent, { purpose: `work ${assignmentId} ${attempt}`, paths: files, signal, onProgress })
  const isAnnounced = listSent(agent.vault, 'work.ready', assignmentId).some(({ document }) => document.attempt === attempt)
  const orderHash = findOrder(agent, assignment)?.hash
  const work = keepSubmission(agent.vault, { assignmentId, attempt, orderHash, artifacts }, { isAnnounced, nowMs: agent.now() })
  if (!areSameContents(work.artifacts, artifacts))
    throw new CliError('already_exists', 'other files were handed over for this attempt', {
      hint: 'hand in the same files to finish it',
    })

  const sealed = await sealAnnouncements(agent, work, { buyerId: assignment.buyerId, reviews })
  const sentTo = [...sealed.keys()]
  const { dueAtMs } = await deliverNow(agent, [...sealed.values()])
  if (dueAtMs !== undefined) return { assignmentId, state, sentTo, dueAtMs }
  const completed = state === 'working' ? await completeAssignment(agent, assignmentId, key) : assignment
  noteSubmitted(agent.vault, work, completed.reviewByMs)
  await releaseDue(agent, assignmentId)
  return { assignmentId, state: completed.state, sentTo }
}
