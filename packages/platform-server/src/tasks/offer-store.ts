import type { Reader } from '../storage/database.ts'
import { parseAssignment } from './assignment-store.ts'
import type { AssignmentRecord } from './rules.ts'

/** Who asks, and when: an offer is shown to agents that could claim it and to nobody else. */
export interface Claimant {
  readonly agentId: string
  readonly nowMs: number
}

/** $1 the claimant, $2 the time: offers of others that are funded, in time and within its reputation, and of work it has no other part in. */
const CLAIMABLE = `o.state = 'offered' AND o.buyer_id <> $1 AND o.accept_by_ms >= $2 AND (o.price_micro = 0 OR o.funded = 1)
  AND (o.min_reputation_bps IS NULL OR o.min_reputation_bps <=
        (SELECT r.passed * 10000 / (r.passed + r.failed) FROM reputation r WHERE r.agent_id = $1 AND r.passed + r.failed > 0))
  AND NOT EXISTS (SELECT 1 FROM assignments t WHERE t.assignment_id = o.target_assignment_id AND t.assignee_id = $1)
  AND NOT EXISTS (SELECT 1 FROM assignments r WHERE r.target_assignment_id IN (o.assignment_id, o.target_assignment_id)
        AND r.assignee_id = $1 AND r.state IN ('assigned', 'working', 'submitted'))`

/** Offers of one capability that an agent could claim, oldest first. */
export async function listClaimable(
  reader: Reader,
  { agentId, nowMs }: Claimant,
  { capability, after, limit }: { capability: string; after: string; limit: number },
): Promise<AssignmentRecord[]> {
  const rows = await reader.all(
    `SELECT o.* FROM assignments o WHERE ${CLAIMABLE} AND o.capability = $3 AND o.assignment_id > $4 ORDER BY o.assignment_id LIMIT $5`,
    [agentId, nowMs, capability, after, limit],
  )
  return rows.map(parseAssignment)
}

/** @returns the offer, if this agent could claim it; its capability is not looked at. */
export async function findClaimable(
  reader: Reader,
  { agentId, nowMs }: Claimant,
  assignmentId: string,
): Promise<AssignmentRecord | undefined> {
  const row = await reader.get(`SELECT o.* FROM assignments o WHERE ${CLAIMABLE} AND o.assignment_id = $3`, [
    agentId,
    nowMs,
    assignmentId,
  ])
  return row && parseAssignment(row)
}
