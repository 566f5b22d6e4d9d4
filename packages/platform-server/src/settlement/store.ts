import type { EntryKind } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { integer, maybeText, micro, text } from '../storage/row.ts'
import { type Account, type HoldRecord, type Posting, partiesOf } from './rules.ts'

export interface Entry {
  readonly entryId: string
  readonly kind: EntryKind
  readonly holdId?: string
  /** The hold that this entry ends, if it ends one. */
  readonly settles?: string
  readonly assignmentId?: string
  readonly actor: string
  readonly atMs: number
  readonly postings: readonly Posting[]
}

/** Sums are int64 in the database; no account grows beyond this, so that no sum overflows. */
const BALANCE_MICRO_MAX = 9_000_000_000_000_000_000n

/**
 * Append an entry and move its money. The guards are in the statements: an account that would fall below zero moves nothing, a hold is settled by one entry.
 *
 * @returns `settled` if the hold had an end already, `short` if an account lacks the money, `overflow` if one would hold more than fits; the caller then rolls back.
 */
export async function appendEntry(tx: Tx, entry: Entry): Promise<'appended' | 'settled' | 'short' | 'overflow'> {
  const { entryId, kind, holdId, settles, assignmentId, actor, atMs, postings } = entry
  const appended = await tx.run(
    `INSERT INTO ledger_entries (entry_id, kind, hold_id, settles, assignment_id, actor, at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (settles) DO NOTHING`,
    [entryId, kind, holdId ?? null, settles ?? null, assignmentId ?? null, actor, atMs],
  )
  if (appended === 0) return 'settled'
  for (const [position, posting] of postings.entries()) {
    await tx.run(
      'INSERT INTO ledger_postings (entry_id, position, from_account, to_account, amount_micro) VALUES ($1, $2, $3, $4, $5)',
      [entryId, position, posting.from, posting.to, posting.amountMicro],
    )
    if (!(await debit(tx, posting))) return 'short'
    if (!(await credit(tx, posting))) return 'overflow'
  }
  for (const agentId of partiesOf(postings)) {
    await tx.run('INSERT INTO ledger_parties (agent_id, entry_id) VALUES ($1, $2)', [agentId, entryId])
  }
  return 'appended'
}

async function debit(tx: Tx, { from, amountMicro }: Posting): Promise<boolean> {
  await openAccount(tx, from)
  const changed = await tx.run(
    `UPDATE accounts SET balance_micro = balance_micro - $2
     WHERE account = $1 AND (balance_micro >= $2 OR (account = 'external' AND balance_micro >= $2 - $3))`,
    [from, amountMicro, BALANCE_MICRO_MAX],
  )
  return changed === 1
}

async function credit(tx: Tx, { to, amountMicro }: Posting): Promise<boolean> {
  await openAccount(tx, to)
  const changed = await tx.run(
    'UPDATE accounts SET balance_micro = balance_micro + $2 WHERE account = $1 AND balance_micro <= $3 - $2',
    [to, amountMicro, BALANCE_MICRO_MAX],
  )
  return changed === 1
}

async function openAccount(tx: Tx, account: Account): Promise<void> {
  await tx.run('INSERT INTO accounts (account, balance_micro) VALUES ($1, 0) ON CONFLICT DO NOTHING', [account])
}

/** @returns micro-credits; 0 for an account that was never used. */
export async function findBalance(reader: Reader, account: Account): Promise<bigint> {
  const row = await reader.get('SELECT balance_micro FROM accounts WHERE account = $1', [account])
  return row ? micro(row, 'balance_micro') : 0n
}

/** @returns `false` if the assignment has an active hold: nothing was written. */
export async function insertHold(tx: Tx, hold: HoldRecord): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO holds (hold_id, assignment_id, payer_id, payee_id, amount_micro, fee_bps, state, made_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, 'active', $7) ON CONFLICT DO NOTHING`,
    [hold.holdId, hold.assignmentId, hold.payerId, hold.payeeId, hold.amountMicro, hold.feeBps, hold.madeAtMs],
  )
  return changed === 1
}

export async function updateHoldState(tx: Tx, holdId: string, state: 'captured' | 'released'): Promise<boolean> {
  return (await tx.run(`UPDATE holds SET state = $2 WHERE hold_id = $1 AND state = 'active'`, [holdId, state])) === 1
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
  const rows = await reader.all(
    `SELECT * FROM holds WHERE (payer_id = $1 OR payee_id = $1) AND ($2 = '' OR assignment_id = $2) AND ($3 = '' OR hold_id < $3)
     ORDER BY hold_id DESC LIMIT $4`,
    [agentId, assignmentId ?? '', before ?? '', limit],
  )
  return rows.map(parseHold)
}

/** Entries that touch an agent's accounts, newest first. */
export async function listEntries(
  reader: Reader,
  { agentId, before, limit }: { agentId: string; before: string | undefined; limit: number },
): Promise<Entry[]> {
  const rows = await reader.all(
    `SELECT e.* FROM ledger_parties p JOIN ledger_entries e ON e.entry_id = p.entry_id
     WHERE p.agent_id = $1 AND ($2 = '' OR p.entry_id < $2) ORDER BY p.entry_id DESC LIMIT $3`,
    [agentId, before ?? '', limit],
  )
  const entries: Entry[] = []
  for (const row of rows) entries.push(parseEntry(row, await listPostings(reader, text(row, 'entry_id'))))
  return entries
}

async function listPostings(reader: Reader, entryId: string): Promise<Posting[]> {
  const rows = await reader.all('SELECT * FROM ledger_postings WHERE entry_id = $1 ORDER BY position', [entryId])
  return rows.map((row) => ({
    from: text(row, 'from_account') as Account,
    to: text(row, 'to_account') as Account,
    amountMicro: micro(row, 'amount_micro'),
  }))
}

function parseEntry(row: Row, postings: Posting[]): Entry {
  const holdId = maybeText(row, 'hold_id')
  const assignmentId = maybeText(row, 'assignment_id')
  return {
    entryId: text(row, 'entry_id'),
    kind: text(row, 'kind') as EntryKind,
    ...(holdId && { holdId }),
    ...(assignmentId && { assignmentId }),
    actor: text(row, 'actor'),
    atMs: integer(row, 'at_ms'),
    postings,
  }
}

function parseHold(row: Row): HoldRecord {
  return {
    holdId: text(row, 'hold_id'),
    assignmentId: text(row, 'assignment_id'),
    payerId: text(row, 'payer_id'),
    payeeId: text(row, 'payee_id'),
    amountMicro: micro(row, 'amount_micro'),
    feeBps: integer(row, 'fee_bps'),
    state: text(row, 'state') as HoldRecord['state'],
    madeAtMs: integer(row, 'made_at_ms'),
  }
}
