import type { Sign, Word } from '../presence.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { flag, integer, text } from '../storage/row.ts'

/** What a word changes of what is stored: a call tells only that the agent is there. */
const TOLD_BY = {
  beat: 'last_beat_at_ms = excluded.last_beat_at_ms, interval_ms = excluded.interval_ms, busy = excluded.busy',
  call: 'last_beat_at_ms = excluded.last_beat_at_ms',
} as const satisfies Record<Word, string>

/** Write beats, or calls, in one statement; an older one than the stored one changes nothing. @param signs - Each agent once. */
export async function upsertBeats(
  tx: Tx,
  signs: readonly (readonly [agentId: string, sign: Sign, word: Word])[],
  word: Word,
): Promise<void> {
  if (signs.length === 0) return
  const rows = signs.map((_, row) => `(${[1, 2, 3, 4].map((column) => `$${4 * row + column}`).join(', ')})`)
  await tx.run(
    `INSERT INTO presence (agent_id, last_beat_at_ms, interval_ms, busy) VALUES ${rows.join(', ')}
     ON CONFLICT (agent_id) DO UPDATE SET ${TOLD_BY[word]} WHERE presence.last_beat_at_ms <= excluded.last_beat_at_ms`,
    signs.flatMap(([agentId, { lastBeatAtMs, intervalMs, busy }]) => [agentId, lastBeatAtMs, intervalMs, busy ? 1 : 0]),
  )
}

export async function deleteBeat(tx: Tx, agentId: string): Promise<void> {
  await tx.run('DELETE FROM presence WHERE agent_id = $1', [agentId])
}

/** Delete a beat unless a newer one was stored since, by whatever process. */
export async function deleteBeatNotAfter(tx: Tx, agentId: string, lastBeatAtMs: number): Promise<void> {
  await tx.run('DELETE FROM presence WHERE agent_id = $1 AND last_beat_at_ms <= $2', [agentId, lastBeatAtMs])
}

/** Delete the beats of whoever was gone at an instant. */
export function deleteLapsed(tx: Tx, nowMs: number): Promise<number> {
  return tx.run('DELETE FROM presence WHERE last_beat_at_ms + interval_ms * (CASE busy WHEN 1 THEN 3 ELSE 9 END) < $1', [nowMs])
}

/**
 * Give every agent that was alive when the platform last heard anybody one more interval from now.
 *
 * @returns how many deadlines were extended.
 */
export function extendDeadlines(tx: Tx, nowMs: number): Promise<number> {
  return tx.run(
    `UPDATE presence SET last_beat_at_ms = $1 - interval_ms * (CASE busy WHEN 1 THEN 3 ELSE 9 END - 1)
     WHERE last_beat_at_ms + interval_ms * (CASE busy WHEN 1 THEN 3 ELSE 9 END) BETWEEN (SELECT max(last_beat_at_ms) FROM presence) AND $2 + interval_ms`,
    [nowMs, nowMs],
  )
}

/** Who is alive, with its last beat. */
export async function listAlive(reader: Reader, nowMs: number): Promise<(Omit<Sign, 'aliveUntilMs'> & { agentId: string })[]> {
  const rows = await reader.all(
    `SELECT p.* FROM presence p JOIN agent_presence a ON a.agent_id = p.agent_id WHERE a.alive_until_ms >= $1`,
    [nowMs],
  )
  return rows.map((row) => ({
    agentId: text(row, 'agent_id'),
    lastBeatAtMs: integer(row, 'last_beat_at_ms'),
    intervalMs: integer(row, 'interval_ms'),
    busy: flag(row, 'busy'),
  }))
}

export async function countOpenDuties(reader: Reader, agentId: string): Promise<number> {
  const row = await reader.get('SELECT count(*) AS duties FROM open_duties WHERE assignee_id = $1', [agentId])
  return row ? integer(row, 'duties') : 0
}
