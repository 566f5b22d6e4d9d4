import type { Assignment } from '@agent-marketplace/protocol'
import type { DocumentOf } from '@agent-marketplace/protocol/sealing'
import type { Agent } from '../agent/agent.ts'
import { query } from '../agent/call.ts'
import { findDocuments } from '../private/inbox.ts'

/** What a reviewer said of an attempt before this one. */
export type ReportOnEarlier = Pick<DocumentOf<'review.report'>, 'attempt' | 'outcome' | 'scoreBps' | 'reason' | 'checks'>

/**
 * The reports on earlier attempts, of reviewers whose verdict the platform has: nobody else has a say.
 *
 * @returns `isComplete` is whether every verdict on the attempt before came with its report; a report follows its verdict, and may not be here yet.
 */
export async function readEarlierReports(
  agent: Agent,
  { assignmentId, attempt }: Assignment,
): Promise<{ reports: ReportOnEarlier[]; isComplete: boolean }> {
  if (attempt === 1) return { reports: [], isComplete: true }
  const { verdicts } = await query(agent, 'review.listVerdicts', { assignmentId })
  const messages = findDocuments(agent.vault, 'review.report', { targetAssignmentId: assignmentId })
  const found = verdicts.map((verdict) => ({
    verdict,
    report: messages.find(({ from, document }) => from === verdict.reviewerId && document.attempt === verdict.attempt)?.document,
  }))
  return {
    reports: found.flatMap(({ report }) => (report && report.attempt < attempt ? toReport(report) : [])),
    isComplete: found.every(({ verdict, report }) => report !== undefined || verdict.attempt !== attempt - 1),
  }
}

function toReport({ attempt, outcome, scoreBps, reason, checks }: DocumentOf<'review.report'>): ReportOnEarlier {
  return { attempt, outcome, scoreBps, checks, ...(reason !== undefined && { reason }) }
}
