import type { EntryKind } from '@agent-marketplace/protocol'
import { BEHIND_ALL_IDS } from '../page.ts'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer, maybeText, micro, text } from '../storage/row.ts'
import { type ChainedEntry, chainOf, hashEntry, type Link, NO_HASH } from './chain-rules.ts'
import { type Account, type Entry, EXTERNAL, type Posting, partiesOf } from './rules.ts'

/** Sums are int64 in the database; no account grows beyond this, so that no sum overflows. */
const BALANCE_MICRO_MAX = 9_000_000_000_000_000_000n

/**
 * Append an entry at the end of its chain and move its money. The guards are in the statements: an account that would fall below zero moves nothing,
 * a hold is settled by one entry, and the head of the chain is locked until the transaction ends.
 *
 * @returns `settled` if the hold had an end already, `short` if an account lacks the money, `overflow` if one would hold more than fits; the caller then rolls back.
 */
export async function appendEntry(tx: Tx, entry: Entry): Promise<'appended' | 'settled' | 'short' | 'overflow'> {
  const { entryId, kind, holdId, settles, assignmentId, actor, atMs, postings } = entry
  const link = await takeLink(tx, chainOf(entry))
  const hash = hashEntry(entry, link)
  const appended = await tx.run(
    `INSERT INTO ledger_entries (entry_id, chain, seq, previous_hash, hash, kind, hold_id, settles, assignment_id, actor, at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (settles) DO NOTHING`,
    [
      entryId,
      link.chain,
      link.seq,
      link.previousHash,
      hash,
      kind,
      holdId ?? null,
      settles ?? null,
      assignmentId ?? null,
      actor,
      atMs,
    ],
  )
  if (appended === 0) return 'settled'
  await tx.run('UPDATE ledger_heads SET hash = $2 WHERE chain = $1', [link.chain, hash])
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

/** Take the next place in a chain. The row of the head serializes writers, so a chain has no gaps and no forks on every engine. */
async function takeLink(tx: Tx, chain: string): Promise<Link> {
  const row = await tx.get(
    `INSERT INTO ledger_heads (chain, seq, hash) VALUES ($1, 1, $2)
     ON CONFLICT (chain) DO UPDATE SET seq = ledger_heads.seq + 1 RETURNING seq, hash`,
    [chain, NO_HASH],
  )
  if (!row) throw new Error('the head was just written')
  return { chain, seq: integer(row, 'seq'), previousHash: bytes(row, 'hash') }
}

async function debit(tx: Tx, { from, amountMicro }: Posting): Promise<boolean> {
  const changed =
    from === EXTERNAL
      ? await tx.run(
          `INSERT INTO accounts (account, balance_micro) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET balance_micro = accounts.balance_micro + $2 WHERE accounts.balance_micro >= $3`,
          [from, -amountMicro, amountMicro - BALANCE_MICRO_MAX],
        )
      : await tx.run('UPDATE accounts SET balance_micro = balance_micro - $2 WHERE account = $1 AND balance_micro >= $2', [
          from,
          amountMicro,
        ])
  return changed === 1
}

async function credit(tx: Tx, { to, amountMicro }: Posting): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO accounts (account, balance_micro) VALUES ($1, $2)
     ON CONFLICT (account) DO UPDATE SET balance_micro = accounts.balance_micro + $2 WHERE accounts.balance_micro <= $3`,
    [to, amountMicro, BALANCE_MICRO_MAX - amountMicro],
  )
  return changed === 1
}

/** @returns micro-credits; 0 for an account that was never used. */
export async function findBalance(reader: Reader, account: Account): Promise<bigint> {
  const row = await reader.get('SELECT balance_micro FROM accounts WHERE account = $1', [account])
  return row ? micro(row, 'balance_micro') : 0n
}

/** Entries that touch an agent's accounts, newest first. */
export async function listEntries(
  reader: Reader,
  { agentId, before, limit }: { agentId: string; before: string | undefined; limit: number },
): Promise<Entry[]> {
  const rows = await reader.all(
    `SELECT e.* FROM ledger_parties p JOIN ledger_entries e ON e.entry_id = p.entry_id
     WHERE p.agent_id = $1 AND p.entry_id < $2 ORDER BY p.entry_id DESC LIMIT $3`,
    [agentId, before ?? BEHIND_ALL_IDS, limit],
  )
  const entries: Entry[] = []
  for (const row of rows) entries.push(parseEntry(row, await listPostings(reader, text(row, 'entry_id'))))
  return entries
}

async function listPostings(reader: Reader, entryId: string): Promise<Posting[]> {
  const rows = await reader.all('SELECT * FROM ledger_postings WHERE entry_id = $1 ORDER BY position', [entryId])
  return rows.map(parsePosting)
}

/** All entries by chain and place, after one of them, each with its postings. */
export async function listChained(reader: Reader, after: Link | undefined, limit: number): Promise<ChainedEntry[]> {
  const from = [after?.chain ?? '', after?.seq ?? 0]
  const rows = await reader.all('SELECT * FROM ledger_entries WHERE (chain, seq) > ($1, $2) ORDER BY chain, seq LIMIT $3', [
    ...from,
    limit,
  ])
  const last = rows.at(-1)
  if (!last) return []
  const postings = await reader.all(
    `SELECT p.* FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.entry_id
     WHERE (e.chain, e.seq) > ($1, $2) AND (e.chain, e.seq) <= ($3, $4) ORDER BY p.entry_id, p.position`,
    [...from, text(last, 'chain'), integer(last, 'seq')],
  )
  const byEntry = Map.groupBy(postings, (row) => text(row, 'entry_id'))
  return rows.map((row) => parseChained(row, (byEntry.get(text(row, 'entry_id')) ?? []).map(parsePosting)))
}

/** @returns a chain that does not end with the entry its head names, if there is one. */
export async function findBrokenHead(reader: Reader): Promise<string | undefined> {
  const row = await reader.get(
    `SELECT h.chain FROM ledger_heads h LEFT JOIN ledger_entries e ON e.chain = h.chain AND e.seq = h.seq AND e.hash = h.hash
     WHERE e.entry_id IS NULL
     UNION ALL SELECT e.chain FROM ledger_entries e LEFT JOIN ledger_heads h ON h.chain = e.chain WHERE h.chain IS NULL OR e.seq > h.seq
     LIMIT 1`,
  )
  return row && text(row, 'chain')
}

function parseChained(row: Row, postings: Posting[]): ChainedEntry {
  return {
    chain: text(row, 'chain'),
    seq: integer(row, 'seq'),
    previousHash: bytes(row, 'previous_hash'),
    hash: bytes(row, 'hash'),
    entry: parseEntry(row, postings),
  }
}

function parsePosting(row: Row): Posting {
  return {
    from: text(row, 'from_account') as Account,
    to: text(row, 'to_account') as Account,
    amountMicro: micro(row, 'amount_micro'),
  }
}

function parseEntry(row: Row, postings: Posting[]): Entry {
  const holdId = maybeText(row, 'hold_id')
  const settles = maybeText(row, 'settles')
  const assignmentId = maybeText(row, 'assignment_id')
  return {
    entryId: text(row, 'entry_id'),
    kind: text(row, 'kind') as EntryKind,
    ...(holdId && { holdId }),
    ...(settles && { settles }),
    ...(assignmentId && { assignmentId }),
    actor: text(row, 'actor'),
    atMs: integer(row, 'at_ms'),
    postings,
  }
}
