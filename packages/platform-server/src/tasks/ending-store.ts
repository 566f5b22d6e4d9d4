import type { Reader, Value } from '../storage/database.ts'
import { text } from '../storage/row.ts'

/** Ids of assignments that are about to end: by a clock, or with an agent that leaves. */

/** Ids of what goes with an agent that leaves: duties it has not accepted, and work of its own tasks that nobody has. */
export function listUnacceptedOf(reader: Reader, agentId: string): Promise<string[]> {
  return ids(
    reader,
    `SELECT assignment_id FROM assignments WHERE assignee_id = $1 AND state = 'assigned'
     UNION SELECT assignment_id FROM assignments WHERE buyer_id = $1 AND kind = 'execute' AND state IN ('offered', 'assigned')
     ORDER BY assignment_id`,
    [agentId],
  )
}

/** Ids of assignments that were not accepted in time. */
export function listUnaccepted(reader: Reader, nowMs: number, limit: number): Promise<string[]> {
  return ids(
    reader,
    `SELECT assignment_id FROM assignments WHERE state IN ('offered', 'assigned') AND accept_by_ms < $1 ORDER BY accept_by_ms, assignment_id LIMIT $2`,
    [nowMs, limit],
  )
}

/** Ids of assignments whose lease has lapsed. */
export function listLapsed(reader: Reader, nowMs: number, limit: number): Promise<string[]> {
  return ids(
    reader,
    `SELECT assignment_id FROM assignments WHERE state = 'working' AND lease_expires_at_ms IS NOT NULL AND lease_expires_at_ms < $1
     ORDER BY lease_expires_at_ms, assignment_id LIMIT $2`,
    [nowMs, limit],
  )
}

async function ids(reader: Reader, sql: string, params: Value[]): Promise<string[]> {
  const rows = await reader.all(sql, params)
  return rows.map((row) => text(row, 'assignment_id'))
}
