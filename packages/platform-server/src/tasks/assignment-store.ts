import type { AssignmentKind, AssignmentState, ReviewRule } from '@agent-marketplace/protocol'
import { BEHIND_ALL_IDS } from '../page.ts'
import type { Reader, Row, Tx, Value } from '../storage/database.ts'
import { flag, integer, maybeInteger, maybeText, micro, text } from '../storage/row.ts'
import type { AssignmentRecord } from './rules.ts'

/** As the indexes of open assignments have them, and those of assignments that have ended. */
const OPEN_STATES = ['offered', 'assigned', 'working', 'submitted'] as const satisfies readonly AssignmentState[]
const ENDED_STATES = ['passed', 'failed', 'declined', 'expired', 'cancelled'] as const satisfies readonly AssignmentState[]

export async function insertAssignment(tx: Tx, record: AssignmentRecord): Promise<void> {
  await tx.run(
    `INSERT INTO assignments (assignment_id, task_id, session_id, kind, state, buyer_id, assignee_id, target_assignment_id, capability,
       min_reputation_bps, price_micro, funded, fee_bps, review_rule, buyer_may_review, attempt, max_attempts, lease_epoch, lease_ms,
       accept_by_ms, review_within_ms, has_spoken)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 0)`,
    [
      record.assignmentId,
      record.taskId,
      record.sessionId,
      record.kind,
      record.state,
      record.buyerId,
      record.assigneeId ?? null,
      record.targetAssignmentId ?? null,
      record.capability ?? null,
      record.minReputationBps ?? null,
      record.priceMicro,
      record.funded ? 1 : 0,
      record.feeBps,
      record.reviewRule,
      record.buyerMayReview ? 1 : 0,
      record.attempt,
      record.maxAttempts,
      record.leaseEpoch,
      record.leaseMs,
      record.acceptByMs,
      record.reviewWithinMs,
    ],
  )
}

export async function findAssignment(reader: Reader, assignmentId: string): Promise<AssignmentRecord | undefined> {
  const row = await reader.get('SELECT * FROM assignments WHERE assignment_id = $1', [assignmentId])
  return row && parseAssignment(row)
}

/** How many duties an agent has that take its time; of one capability if it is named. */
export async function countDuties(reader: Reader, assigneeId: string, capability?: string): Promise<number> {
  return count(
    reader,
    `SELECT count(*) AS n FROM assignments WHERE assignee_id = $1 AND state IN ('assigned', 'working') AND ($2 = '' OR capability = $2)`,
    [assigneeId, capability ?? ''],
  )
}

/** How many assignments of an agent have not ended. */
export function countOpenOfAssignee(reader: Reader, assigneeId: string): Promise<number> {
  return count(
    reader,
    `SELECT count(*) AS n FROM assignments WHERE assignee_id = $1 AND state IN ('assigned', 'working', 'submitted')`,
    [assigneeId],
  )
}

/** Reviews of a piece of work, oldest first. */
export async function listReviewsOf(reader: Reader, targetAssignmentId: string): Promise<AssignmentRecord[]> {
  const rows = await reader.all('SELECT * FROM assignments WHERE target_assignment_id = $1 ORDER BY assignment_id', [
    targetAssignmentId,
  ])
  return rows.map(parseAssignment)
}

export async function listOfTask(reader: Reader, taskId: string): Promise<AssignmentRecord[]> {
  const rows = await reader.all('SELECT * FROM assignments WHERE task_id = $1 ORDER BY assignment_id', [taskId])
  return rows.map(parseAssignment)
}

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

/** An agent's assignments, newest first. */
export async function listAssignmentRecords(
  reader: Reader,
  {
    agentId,
    role,
    state,
    before,
    limit,
  }: {
    agentId: string
    role: 'assignee' | 'buyer'
    state: AssignmentState | undefined
    before: string | undefined
    limit: number
  },
): Promise<AssignmentRecord[]> {
  const party = role === 'assignee' ? 'assignee_id' : 'buyer_id'
  const rows = await reader.all(
    `SELECT * FROM assignments WHERE ${party} = $1 AND ${state ? inState(state) : "$2 = ''"} AND assignment_id < $3
     ORDER BY assignment_id DESC LIMIT $4`,
    [agentId, state ?? '', before ?? BEHIND_ALL_IDS, limit],
  )
  return rows.map(parseAssignment)
}

/** Said in the words of an index too, so that engines see that it holds all of them. */
function inState(state: AssignmentState): string {
  const states = OPEN_STATES.some((each) => each === state) ? OPEN_STATES : ENDED_STATES
  return `state = $2 AND state IN (${states.map((each) => `'${each}'`).join(', ')})`
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

async function count(reader: Reader, sql: string, params: Value[]): Promise<number> {
  const row = await reader.get(sql, params)
  return row ? integer(row, 'n') : 0
}

async function ids(reader: Reader, sql: string, params: Value[]): Promise<string[]> {
  const rows = await reader.all(sql, params)
  return rows.map((row) => text(row, 'assignment_id'))
}

export function parseAssignment(row: Row): AssignmentRecord {
  return {
    assignmentId: text(row, 'assignment_id'),
    taskId: text(row, 'task_id'),
    sessionId: text(row, 'session_id'),
    kind: text(row, 'kind') as AssignmentKind,
    state: text(row, 'state') as AssignmentState,
    buyerId: text(row, 'buyer_id'),
    assigneeId: maybeText(row, 'assignee_id'),
    targetAssignmentId: maybeText(row, 'target_assignment_id'),
    capability: maybeText(row, 'capability'),
    minReputationBps: maybeInteger(row, 'min_reputation_bps'),
    priceMicro: micro(row, 'price_micro'),
    funded: flag(row, 'funded'),
    feeBps: integer(row, 'fee_bps'),
    reviewRule: text(row, 'review_rule') as ReviewRule,
    buyerMayReview: flag(row, 'buyer_may_review'),
    attempt: integer(row, 'attempt'),
    maxAttempts: integer(row, 'max_attempts'),
    leaseEpoch: integer(row, 'lease_epoch'),
    leaseMs: integer(row, 'lease_ms'),
    leaseExpiresAtMs: maybeInteger(row, 'lease_expires_at_ms'),
    acceptByMs: integer(row, 'accept_by_ms'),
    reviewWithinMs: integer(row, 'review_within_ms'),
    reviewByMs: maybeInteger(row, 'review_by_ms'),
    hasSpoken: flag(row, 'has_spoken'),
  }
}
