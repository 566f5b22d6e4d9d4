import { type Event, type EventKind, formatAmount } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { integer, maybeMicro, maybeText, text } from '../storage/row.ts'

/** What happened: ids and an amount, never content. */
export interface Happening {
  readonly kind: EventKind
  readonly taskId?: string
  readonly assignmentId?: string
  readonly targetAssignmentId?: string | undefined
  readonly holdId?: string
  readonly entryId?: string
  readonly verdictId?: string
  readonly agentId?: string
  readonly amountMicro?: bigint
}

/**
 * Take the next place in an agent's stream. The counter row serializes writers, so a stream has no gaps and grows in commit order on every engine.
 */
export async function takeSeq(tx: Tx, agentId: string): Promise<number> {
  const row = await tx.get(
    `INSERT INTO event_counters (agent_id, last_seq) VALUES ($1, 1)
     ON CONFLICT (agent_id) DO UPDATE SET last_seq = event_counters.last_seq + 1 RETURNING last_seq`,
    [agentId],
  )
  if (!row) throw new Error('the counter was just written')
  return integer(row, 'last_seq')
}

export async function insertEvent(
  tx: Tx,
  { toAgentId, seq, eventId, atMs }: { toAgentId: string; seq: number; eventId: string; atMs: number },
  happening: Happening,
): Promise<void> {
  const { kind, taskId, assignmentId, targetAssignmentId, holdId, entryId, verdictId, agentId, amountMicro } = happening
  await tx.run(
    `INSERT INTO events (agent_id, seq, event_id, kind, at_ms, task_id, assignment_id, target_assignment_id,
       hold_id, entry_id, verdict_id, subject_agent_id, amount_micro)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      toAgentId,
      seq,
      eventId,
      kind,
      atMs,
      taskId ?? null,
      assignmentId ?? null,
      targetAssignmentId ?? null,
      holdId ?? null,
      entryId ?? null,
      verdictId ?? null,
      agentId ?? null,
      amountMicro ?? null,
    ],
  )
}

export async function listEvents(reader: Reader, agentId: string, after: number, limit: number): Promise<Event[]> {
  const rows = await reader.all('SELECT * FROM events WHERE agent_id = $1 AND seq > $2 ORDER BY seq LIMIT $3', [
    agentId,
    after,
    limit,
  ])
  return rows.map(parseEvent)
}

/** @returns the last place taken in an agent's stream, 0 before the first. */
export async function findLastSeq(reader: Reader, agentId: string): Promise<number> {
  const row = await reader.get('SELECT last_seq FROM event_counters WHERE agent_id = $1', [agentId])
  return row ? integer(row, 'last_seq') : 0
}

export async function listCancelled(reader: Reader, agentId: string, after: number, limit: number): Promise<string[]> {
  const rows = await reader.all(
    `SELECT assignment_id FROM events WHERE agent_id = $1 AND seq > $2 AND kind = 'assignment.cancelled' ORDER BY seq LIMIT $3`,
    [agentId, after, limit],
  )
  return rows.map((row) => text(row, 'assignment_id'))
}

/** Delete events of before an instant, at most `limit`. @returns how many. */
export function deleteEventsBefore(tx: Tx, atMs: number, limit: number): Promise<number> {
  return tx.run(
    'DELETE FROM events WHERE (agent_id, seq) IN (SELECT agent_id, seq FROM events WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)',
    [atMs, limit],
  )
}

function parseEvent(row: Row): Event {
  const amountMicro = maybeMicro(row, 'amount_micro')
  return {
    eventId: text(row, 'event_id'),
    seq: integer(row, 'seq'),
    kind: text(row, 'kind') as EventKind,
    atMs: integer(row, 'at_ms'),
    taskId: maybeText(row, 'task_id'),
    assignmentId: maybeText(row, 'assignment_id'),
    targetAssignmentId: maybeText(row, 'target_assignment_id'),
    holdId: maybeText(row, 'hold_id'),
    entryId: maybeText(row, 'entry_id'),
    verdictId: maybeText(row, 'verdict_id'),
    agentId: maybeText(row, 'subject_agent_id'),
    amount: amountMicro === undefined ? undefined : formatAmount(amountMicro),
  }
}
