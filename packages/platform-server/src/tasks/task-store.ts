import type { ReviewRule, Session, Task } from '@agent-marketplace/protocol'
import { BEHIND_ALL_IDS } from '../page.ts'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { flag, integer, text } from '../storage/row.ts'

export async function insertTask(tx: Tx, task: Task): Promise<void> {
  await tx.run(
    'INSERT INTO tasks (task_id, buyer_id, state, review_rule, buyer_may_review, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6)',
    [task.taskId, task.buyerId, task.state, task.reviewRule, task.buyerMayReview ? 1 : 0, task.createdAtMs],
  )
}

/** Hold off everybody else who would change a task or add to it, until the transaction ends. Nothing is changed. */
export async function lockTask(tx: Tx, taskId: string): Promise<void> {
  await tx.run('UPDATE tasks SET created_at_ms = created_at_ms WHERE task_id = $1', [taskId])
}

export async function findTask(reader: Reader, taskId: string): Promise<Task | undefined> {
  const row = await reader.get('SELECT * FROM tasks WHERE task_id = $1', [taskId])
  return row && parseTask(row)
}

/** Tasks of a buyer, newest first. */
export async function listTaskRecords(
  reader: Reader,
  { agentId, before, limit }: { agentId: string; before: string | undefined; limit: number },
): Promise<Task[]> {
  const rows = await reader.all(`SELECT * FROM tasks WHERE buyer_id = $1 AND task_id < $2 ORDER BY task_id DESC LIMIT $3`, [
    agentId,
    before ?? BEHIND_ALL_IDS,
    limit,
  ])
  return rows.map(parseTask)
}

/** Open → ended. @returns `false` if it had ended: nothing was written. */
export async function endTask(tx: Tx, taskId: string, state: 'completed' | 'cancelled'): Promise<boolean> {
  return (await tx.run(`UPDATE tasks SET state = $2 WHERE task_id = $1 AND state = 'open'`, [taskId, state])) === 1
}

export async function insertSession(tx: Tx, { sessionId, taskId, state }: Session): Promise<void> {
  await tx.run('INSERT INTO task_sessions (session_id, task_id, state) VALUES ($1, $2, $3)', [sessionId, taskId, state])
}

export async function findSession(reader: Reader, sessionId: string): Promise<Session | undefined> {
  const row = await reader.get('SELECT * FROM task_sessions WHERE session_id = $1', [sessionId])
  return row && parseSession(row)
}

/** @returns the newest session of a task that takes new assignments. */
export async function findRunningSession(reader: Reader, taskId: string): Promise<Session | undefined> {
  const row = await reader.get(
    `SELECT * FROM task_sessions WHERE task_id = $1 AND state = 'running' ORDER BY session_id DESC LIMIT 1`,
    [taskId],
  )
  return row && parseSession(row)
}

export async function listSessions(reader: Reader, taskId: string): Promise<Session[]> {
  const rows = await reader.all('SELECT * FROM task_sessions WHERE task_id = $1 ORDER BY session_id', [taskId])
  return rows.map(parseSession)
}

export async function closeSessionRecord(tx: Tx, sessionId: string): Promise<boolean> {
  return (
    (await tx.run(`UPDATE task_sessions SET state = 'closed' WHERE session_id = $1 AND state = 'running'`, [sessionId])) === 1
  )
}

/** Admit an agent, again if it had been removed. */
export async function upsertParticipant(tx: Tx, taskId: string, agentId: string): Promise<void> {
  await tx.run(
    `INSERT INTO participants (task_id, agent_id, removed_at_ms) VALUES ($1, $2, NULL)
     ON CONFLICT (task_id, agent_id) DO UPDATE SET removed_at_ms = NULL`,
    [taskId, agentId],
  )
}

/** @returns `false` if the agent takes no part. */
export async function removeParticipantRecord(tx: Tx, taskId: string, agentId: string, nowMs: number): Promise<boolean> {
  const changed = await tx.run(
    'UPDATE participants SET removed_at_ms = $3 WHERE task_id = $1 AND agent_id = $2 AND removed_at_ms IS NULL',
    [taskId, agentId, nowMs],
  )
  return changed === 1
}

export async function listParticipants(reader: Reader, taskId: string): Promise<string[]> {
  const rows = await reader.all(
    'SELECT agent_id FROM participants WHERE task_id = $1 AND removed_at_ms IS NULL ORDER BY agent_id',
    [taskId],
  )
  return rows.map((row) => text(row, 'agent_id'))
}

function parseTask(row: Row): Task {
  return {
    taskId: text(row, 'task_id'),
    buyerId: text(row, 'buyer_id'),
    state: text(row, 'state') as Task['state'],
    reviewRule: text(row, 'review_rule') as ReviewRule,
    buyerMayReview: flag(row, 'buyer_may_review'),
    createdAtMs: integer(row, 'created_at_ms'),
  }
}

function parseSession(row: Row): Session {
  return { sessionId: text(row, 'session_id'), taskId: text(row, 'task_id'), state: text(row, 'state') as Session['state'] }
}
