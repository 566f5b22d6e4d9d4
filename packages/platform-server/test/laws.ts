import { isDeepStrictEqual } from 'node:util'
import type { Database, Row } from '../src/storage/database.ts'
import { integer, maybeText, micro, text } from '../src/storage/row.ts'

/** All that the laws of money and of states speak about, at one moment. */
export interface Snapshot {
  readonly assignments: readonly Row[]
  readonly holds: readonly Row[]
  readonly entries: readonly Row[]
  readonly postings: readonly Row[]
  readonly accounts: readonly Row[]
  readonly verdicts: readonly Row[]
  readonly streams: readonly Row[]
  readonly loads: readonly Row[]
  /** What discovery reads, and what it is kept equal to. */
  readonly candidates: readonly Row[]
  readonly offers: readonly Row[]
}

const OFFER = 'o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load'

export function takeSnapshot(db: Database): Promise<Snapshot> {
  return db.read(async (reader) => ({
    assignments: await reader.all('SELECT * FROM assignments ORDER BY assignment_id'),
    holds: await reader.all('SELECT * FROM holds ORDER BY hold_id'),
    entries: await reader.all('SELECT * FROM ledger_entries ORDER BY chain, seq'),
    postings: await reader.all('SELECT * FROM ledger_postings ORDER BY entry_id, position'),
    accounts: await reader.all('SELECT * FROM accounts ORDER BY account'),
    loads: await reader.all('SELECT * FROM buyer_loads ORDER BY buyer_id'),
    verdicts: await reader.all('SELECT * FROM verdicts ORDER BY verdict_id'),
    streams: await reader.all(
      'SELECT c.last_seq, count(e.seq) AS events FROM event_counters c LEFT JOIN events e ON e.agent_id = c.agent_id GROUP BY c.agent_id, c.last_seq ORDER BY c.agent_id',
    ),
    candidates: await reader.all(`SELECT ${OFFER} FROM candidates o ORDER BY o.agent_id, o.capability`),
    offers: await reader.all(
      `SELECT ${OFFER} FROM ranked_offers o JOIN presence p ON p.agent_id = o.agent_id ORDER BY o.agent_id, o.capability`,
    ),
  }))
}

const OPEN = ['offered', 'assigned', 'working', 'submitted']

/** Where an assignment may be after it was here; it may also stay, and pass through several between two looks. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  offered: ['assigned', 'working', 'submitted', 'passed', 'failed', 'declined', 'expired', 'cancelled'],
  assigned: ['working', 'submitted', 'passed', 'failed', 'declined', 'expired', 'cancelled'],
  working: ['submitted', 'passed', 'failed', 'expired', 'cancelled'],
  submitted: ['working', 'passed', 'failed', 'expired', 'cancelled'],
}

/**
 * The laws of design/domain.md §8, and what §6 says about states.
 *
 * @param before - An earlier moment: money is only ever added to the ledger, and assignments move along the arrows.
 * @returns a line for each that is broken.
 */
export function brokenLaws(now: Snapshot, before?: Snapshot): string[] {
  return [
    ...moneyFaults(now),
    ...now.holds.flatMap((hold) => holdFaults(now, hold)),
    ...stateFaults(now),
    ...candidateFaults(now),
    ...(before ? moveFaults(before, now) : []),
  ]
}

/** What triggers keep is what a look at everything would find. */
export function candidateFaults({ candidates, offers }: Pick<Snapshot, 'candidates' | 'offers'>): string[] {
  return isDeepStrictEqual(candidates, offers) ? [] : ['candidates are not the offers of the agents that are there']
}

function sum(rows: readonly Row[], column = 'amount_micro'): bigint {
  return rows.reduce((total, row) => total + micro(row, column), 0n)
}

function moneyFaults({ accounts, entries, postings }: Snapshot): string[] {
  const faults: string[] = []
  const inside = accounts.filter((row) => row.account !== 'external')
  const kindOf = new Map(entries.map((row) => [text(row, 'entry_id'), text(row, 'kind')]))
  const deposited = sum(postings.filter((row) => kindOf.get(text(row, 'entry_id')) === 'deposit'))
  if (sum(accounts, 'balance_micro') !== 0n) faults.push('all accounts together are not zero')
  if (sum(inside, 'balance_micro') !== deposited) faults.push('what agents and the platform have is not what was deposited')
  for (const row of accounts) {
    const account = text(row, 'account')
    const balance = micro(row, 'balance_micro')
    const moved =
      sum(postings.filter((each) => each.to_account === account)) - sum(postings.filter((each) => each.from_account === account))
    if (balance !== moved) faults.push(`${account} has ${balance}, its postings say ${moved}`)
    if (account !== 'external' && balance < 0n) faults.push(`${account} is below zero`)
  }
  return faults
}

/** A hold is there while its assignment is open, and ends with it, once, exactly, to whom the end says. */
function holdFaults({ assignments, entries, postings, verdicts }: Snapshot, hold: Row): string[] {
  const holdId = text(hold, 'hold_id')
  const fault = (words: string) => [`${holdId}: ${words}`]
  const assignment = assignments.find((row) => row.assignment_id === hold.assignment_id)
  if (!assignment) return fault('is for nothing')
  const state = text(assignment, 'state')
  const ends = entries.filter((row) => row.settles === holdId)
  if (hold.state === 'active') {
    if (ends.length > 0) return fault('is active and has an end')
    return OPEN.includes(state) ? [] : fault(`is active, its assignment is ${state}`)
  }
  const [end] = ends
  if (!end || ends.length > 1) return fault(`has ended ${ends.length} times`)
  const moved = postings.filter((row) => row.entry_id === end.entry_id)
  const payer = text(hold, 'payer_id')
  const amount = micro(hold, 'amount_micro')
  if (moved.some((row) => row.from_account !== `held:${payer}`) || sum(moved) !== amount) return fault('was not emptied exactly')

  const isPassed = state === 'passed'
  if (OPEN.includes(state)) return fault(`has ended, its assignment is ${state}`)
  if (isPassed !== (hold.state === 'captured')) return fault(`is ${hold.state}, its assignment is ${state}`)
  const fee = isPassed ? (amount * micro(assignment, 'fee_bps')) / 10_000n : 0n
  const to = (account: string) => sum(moved.filter((row) => row.to_account === account))
  const payee = isPassed ? `available:${maybeText(assignment, 'assignee_id')}` : `available:${payer}`
  if (to('fees') !== fee || to(payee) !== amount - fee) return fault('did not go where its end says')
  const spoke = verdicts.some((row) => row.review_assignment_id === assignment.assignment_id && row.outcome !== 'inconclusive')
  if (assignment.kind === 'review' && spoke !== isPassed)
    return fault(`a reviewer who ${spoke ? 'spoke' : 'was silent'}: ${hold.state}`)
  return []
}

function stateFaults({ assignments, streams, loads }: Snapshot): string[] {
  const faults: string[] = []
  for (const { buyer_id, open_assignments } of loads) {
    const open = assignments.filter((row) => row.buyer_id === buyer_id && OPEN.includes(text(row, 'state')))
    if (open_assignments !== BigInt(open.length))
      faults.push(`${buyer_id} has ${open.length} open assignments, ${open_assignments} are counted`)
  }
  for (const row of assignments) {
    const id = text(row, 'assignment_id')
    const state = text(row, 'state')
    const isOpen = OPEN.includes(state)
    const target = assignments.find((each) => each.assignment_id === row.target_assignment_id)
    if (target && isOpen && !OPEN.includes(text(target, 'state'))) faults.push(`${id}: a review outlives its target`)
    if (target && isOpen && row.attempt !== target.attempt) faults.push(`${id}: a review is at another attempt than its target`)
    const judges = row.assignee_id !== null && (isOpen || row.has_spoken === 1n)
    if (target && judges && row.assignee_id === target.assignee_id) faults.push(`${id}: judges its own work`)
    if (row.kind === 'execute' && row.assignee_id === row.buyer_id) faults.push(`${id}: works for itself`)
    const hasLease = row.lease_expires_at_ms !== null
    if (hasLease !== (state === 'working' && row.kind === 'execute'))
      faults.push(`${id}: ${state} with${hasLease ? '' : 'out'} a lease`)
    if ((row.review_by_ms !== null) !== (state === 'submitted' && row.kind === 'execute'))
      faults.push(`${id}: ${state}, reviewBy is wrong`)
  }
  if (streams.some((row) => row.last_seq !== row.events)) faults.push('a stream of events has a gap')
  return faults
}

function moveFaults(before: Snapshot, now: Snapshot): string[] {
  const faults: string[] = []
  const same = (table: 'entries' | 'postings') => {
    const left = new Set(now[table].map(describe))
    return before[table].every((row) => left.has(describe(row)))
  }
  if (!same('entries') || !same('postings')) faults.push('the ledger was changed, not only added to')
  for (const was of before.assignments) {
    const is = now.assignments.find((row) => row.assignment_id === was.assignment_id)
    const id = text(was, 'assignment_id')
    if (!is) faults.push(`${id}: is gone`)
    else if (was.state !== is.state && !NEXT[text(was, 'state')]?.includes(text(is, 'state')))
      faults.push(`${id}: ${was.state} → ${is.state}`)
    else if (integer(is, 'lease_epoch') < integer(was, 'lease_epoch')) faults.push(`${id}: its epoch went back`)
  }
  return faults
}

function describe(row: Row): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}
