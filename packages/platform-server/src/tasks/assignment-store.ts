import type { AssignmentKind, AssignmentState, ReviewRule } from '@agent-marketplace/protocol'
import { BEHIND_ALL_IDS } from '../page.ts'
import type { Reader, Row, Tx, Value } from '../storage/database.ts'
import { flag, integer, maybeInteger, maybeText, micro, text } from '../storage/row.ts'
import { type AssignmentRecord, OPEN_STATES } from './rules.ts'

/** As the indexes of assignments that have ended have them. */
const ENDED_STATES: readonly AssignmentState[] = ['passed', 'failed', 'declined', 'expired', 'cancelled']

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

/** Assignments of a task, oldest first. */
export async function listOfTask(
  reader: Reader,
  { taskId, after, limit }: { taskId: string; after: string; limit: number },
): Promise<AssignmentRecord[]> {
  const rows = await reader.all(
    'SELECT * FROM assignments WHERE task_id = $1 AND assignment_id > $2 ORDER BY assignment_id LIMIT $3',
    [taskId, after, limit],
  )
  return rows.map(parseAssignment)
}

/** What has not ended in a task, oldest first: found among what its buyer has open, however much has ended in the task. */
export async function listOpenOfTask(reader: Reader, buyerId: string, taskId: string): Promise<AssignmentRecord[]> {
  const rows = await reader.all(
    `SELECT * FROM assignments WHERE buyer_id = $1 AND task_id = $2 AND ${inStates(OPEN_STATES)} ORDER BY assignment_id`,
    [buyerId, taskId],
  )
  return rows.map(parseAssignment)
}

/** Whether an agent has a duty in a task that has not ended. */
export async function hasOpenInTask(reader: Reader, assigneeId: string, taskId: string): Promise<boolean> {
  const row = await reader.get(
    `SELECT 1 AS one FROM assignments WHERE assignee_id = $1 AND task_id = $2 AND ${inStates(OPEN_STATES)} LIMIT 1`,
    [assigneeId, taskId],
  )
  return row !== undefined
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
  return `state = $2 AND ${inStates(OPEN_STATES.includes(state) ? OPEN_STATES : ENDED_STATES)}`
}

function inStates(states: readonly AssignmentState[]): string {
  return `state IN (${states.map((each) => `'${each}'`).join(', ')})`
}

async function count(reader: Reader, sql: string, params: Value[]): Promise<number> {
  const row = await reader.get(sql, params)
  return row ? integer(row, 'n') : 0
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
