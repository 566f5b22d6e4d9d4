import { BEHIND_ALL_IDS } from '../page.ts'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { integer, maybeText, micro, text } from '../storage/row.ts'
import type { HoldRecord } from './rules.ts'

/** @returns `false` if the assignment has an active hold: nothing was written. */
export async function insertHold(tx: Tx, hold: HoldRecord): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO holds (hold_id, assignment_id, payer_id, payee_id, amount_micro, fee_bps, state, made_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, 'active', $7) ON CONFLICT DO NOTHING`,
    [hold.holdId, hold.assignmentId, hold.payerId, hold.payeeId ?? null, hold.amountMicro, hold.feeBps, hold.madeAtMs],
  )
  return changed === 1
}

export async function updateHoldState(tx: Tx, holdId: string, state: 'captured' | 'released'): Promise<boolean> {
  return (await tx.run(`UPDATE holds SET state = $2 WHERE hold_id = $1 AND state = 'active'`, [holdId, state])) === 1
}

/** Say who is paid from the active hold of an assignment that was an open offer. @returns `false` if there is none, or somebody is named: nothing was written. */
export async function updatePayee(tx: Tx, holdId: string, payeeId: string): Promise<boolean> {
  const changed = await tx.run(`UPDATE holds SET payee_id = $2 WHERE hold_id = $1 AND state = 'active' AND payee_id IS NULL`, [
    holdId,
    payeeId,
  ])
  return changed === 1
}

export async function findHold(reader: Reader, holdId: string): Promise<HoldRecord | undefined> {
  const row = await reader.get('SELECT * FROM holds WHERE hold_id = $1', [holdId])
  return row && parseHold(row)
}

/** @returns the newest hold of an assignment. */
export async function findHoldOf(reader: Reader, assignmentId: string): Promise<HoldRecord | undefined> {
  const row = await reader.get('SELECT * FROM holds WHERE assignment_id = $1 ORDER BY hold_id DESC LIMIT 1', [assignmentId])
  return row && parseHold(row)
}

/** $1 the agent, $2 where the page before ended, $3 how many. Each side along its own index: an agent's holds are many and are never sorted. */
const HOLDS_OF_AGENT = `
  SELECT * FROM holds WHERE hold_id IN (
    SELECT hold_id FROM (SELECT hold_id FROM holds WHERE payer_id = $1 AND hold_id < $2 ORDER BY hold_id DESC LIMIT $3) paid
    UNION SELECT hold_id FROM (SELECT hold_id FROM holds WHERE payee_id = $1 AND hold_id < $2 ORDER BY hold_id DESC LIMIT $3) earned)
  ORDER BY hold_id DESC LIMIT $3`
const HOLDS_OF_ASSIGNMENT = `
  SELECT * FROM holds WHERE assignment_id = $4 AND hold_id < $2 AND (payer_id = $1 OR payee_id = $1) ORDER BY hold_id DESC LIMIT $3`

/** Holds that an agent pays or is paid from, newest first. */
export async function listHolds(
  reader: Reader,
  {
    agentId,
    assignmentId,
    before,
    limit,
  }: { agentId: string; assignmentId: string | undefined; before: string | undefined; limit: number },
): Promise<HoldRecord[]> {
  const given = [agentId, before ?? BEHIND_ALL_IDS, limit, ...(assignmentId === undefined ? [] : [assignmentId])]
  const rows = await reader.all(assignmentId === undefined ? HOLDS_OF_AGENT : HOLDS_OF_ASSIGNMENT, given)
  return rows.map(parseHold)
}

function parseHold(row: Row): HoldRecord {
  return {
    holdId: text(row, 'hold_id'),
    assignmentId: text(row, 'assignment_id'),
    payerId: text(row, 'payer_id'),
    payeeId: maybeText(row, 'payee_id'),
    amountMicro: micro(row, 'amount_micro'),
    feeBps: integer(row, 'fee_bps'),
    state: text(row, 'state') as HoldRecord['state'],
    madeAtMs: integer(row, 'made_at_ms'),
  }
}
