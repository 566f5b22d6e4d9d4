import { CliError } from '../agent/cli-error.ts'
import { deliverNow } from '../agent/deliver-outbox.ts'
import { readReview } from '../agent/find-review.ts'
import { isOpen } from '../agent/handoff-parties.ts'
import { readAssignment } from '../agent/lease.ts'
import { releaseDue } from '../agent/release-key.ts'
import { publish } from '../agent/run-review.ts'
import { briefLateReviewers } from '../agent/send-briefs.ts'
import { tryEach } from '../agent/try-each.ts'
import { assignmentsWith } from '../private/outbox.ts'
import { markDecision, openDecisions } from '../private/verdicts.ts'
import type { Daemon } from './daemon-context.ts'

/** Orders older than this have no reviewers to come. */
const ORDER_OPEN_MS = 60 * 24 * 3_600_000

/** @returns a look after what this agent has handed over: keys of work that passed, late reviewers, reports of verdicts. It says whether anything was sent. */
export function createReleaser(daemon: Daemon): () => Promise<boolean> {
  const { agent, emit } = daemon
  /** Orders whose assignment has ended: nobody is to be briefed any more. */
  const over = new Set<string>()

  async function briefLate(): Promise<boolean> {
    let isAny = false
    const orders = assignmentsWith(agent.vault, 'order.offer', agent.now() - ORDER_OPEN_MS)
    await tryEach(
      orders.filter((assignmentId) => !over.has(assignmentId)),
      async (assignmentId) => {
        if (!isOpen(await readAssignment(agent, assignmentId))) over.add(assignmentId)
        else if (await sendBriefs(assignmentId)) isAny = true
      },
    )
    return isAny
  }

  async function sendBriefs(assignmentId: string): Promise<boolean> {
    const briefs = await briefLateReviewers(agent, assignmentId)
    if (briefs.size === 0) return false
    await deliverNow(agent, [...briefs.values()])
    emit('brief-sent', { assignmentId, sentTo: [...briefs.keys()] })
    return true
  }

  async function release(): Promise<boolean> {
    const releases = await releaseDue(agent)
    for (const { assignmentId, attempt, outcome, sentTo } of releases) {
      if (outcome === 'released') emit('key-released', { assignmentId, attempt, sentTo })
      if (outcome === 'completed') emit('submitted', { assignmentId, attempt, state: 'submitted', sentTo })
      if (outcome === 'announced') emit('work-announced', { assignmentId, attempt, sentTo })
    }
    return releases.length > 0
  }

  return async () => {
    let isAny = false
    await tryEach([release, briefLate, () => publishLeftOver(daemon)], async (look) => {
      if (await look()) isAny = true
    })
    return isAny
  }
}

/** As a reviewer: the report of a verdict the platform has, or of one it took just before a crash. */
async function publishLeftOver({ agent }: Daemon): Promise<boolean> {
  let isAny = false
  await tryEach(openDecisions(agent.vault), async (decision) => {
    const parties = await readReview(agent, decision.reviewAssignmentId)
    const isCurrent = parties.target.attempt === decision.attempt && parties.target.state === 'submitted'
    if (isCurrent && decision.state === 'decided') return
    try {
      isAny = await publish(agent, parties, decision)
    } catch (error) {
      if (!(error instanceof CliError && error.code === 'wrong_state')) throw error
      // The attempt was decided without this verdict: nobody is to hear of it.
      markDecision(agent.vault, decision, 'reported')
    }
  })
  return isAny
}
