import {
  type AgentStatus,
  BASIS_POINTS,
  type Capability,
  type Contact,
  formatAmount,
  parseAmount,
} from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader, Row } from '../storage/database.ts'
import { flag, integer, maybeMicro, micro, text } from '../storage/row.ts'
import type { CandidateCursor } from './cursors.ts'

export interface CandidateRow extends Contact {
  /** 0 for an offer without a price. */
  readonly priceMicro: bigint
  readonly load: number
  readonly maxConcurrency: number
  readonly passed: number
  readonly failed: number
  readonly rank: number
}

export interface Clock {
  readonly nowMs: number
  /** Who is alive at this instant is alive; it stands still while beats are turned away. */
  readonly aliveAtMs: number
}

export interface CandidateQuery extends Clock {
  readonly capability: string
  readonly callerId: string
  readonly includeBusy: boolean
  readonly maxPriceMicro: bigint | undefined
  readonly minReputation: number | undefined
  readonly after: CandidateCursor | undefined
  readonly limit: number
}

/**
 * Agents that are registered, approved, alive and offer the capability; best first: rank, price, load, id.
 * Busy is who says so, and who has no free capacity. Read along the index of `candidates`, from where the last page ended: CROSS JOIN keeps SQLite to that order.
 */
export async function listCandidates(reader: Reader, query: CandidateQuery): Promise<CandidateRow[]> {
  const [afterRank, afterPrice, afterLoad, afterId] = query.after ?? [BASIS_POINTS + 1, '0', 0, '']
  const rows = await reader.all(
    `SELECT c.*, k.max_concurrency, k.price_micro, k.load, k.demerit_bps, coalesce(r.passed, 0) AS passed, coalesce(r.failed, 0) AS failed
     FROM candidates k
     CROSS JOIN agent_presence p
     CROSS JOIN agent_contacts c
     LEFT JOIN agent_reputation r ON r.agent_id = k.agent_id
     WHERE k.capability = $1 AND (k.demerit_bps, k.price_micro, k.load, k.agent_id) > ($7, $8, $9, $10)
       AND p.agent_id = k.agent_id AND p.alive_until_ms >= $3
       AND c.agent_id = k.agent_id AND c.status = 'active' AND k.agent_id <> $2
       AND ($4 = 1 OR (p.busy = 0 AND k.load < k.max_concurrency))
       AND ($5 < 0 OR k.price_micro <= $5)
       AND ($6 < 0 OR (r.passed + r.failed > 0 AND r.passed * 10000 / (r.passed + r.failed) >= $6))
     ORDER BY k.demerit_bps, k.price_micro, k.load, k.agent_id LIMIT $11`,
    [
      query.capability,
      query.callerId,
      query.aliveAtMs,
      query.includeBusy ? 1 : 0,
      query.maxPriceMicro ?? -1,
      query.minReputation ?? -1,
      BASIS_POINTS - afterRank,
      parseAmount(afterPrice) ?? 0n,
      afterLoad,
      afterId,
      query.limit,
    ],
  )
  return rows.map((row) => ({ ...parseContact(row, query.nowMs), ...parseRanking(row) }))
}

export interface DirectoryRow extends Contact {
  readonly status: AgentStatus
}

/** The directory in order of ids. */
export async function listDirectory(
  reader: Reader,
  query: Clock & { aliveOnly: boolean; includeDeregistered: boolean; after: string; limit: number },
): Promise<DirectoryRow[]> {
  // Whoever is alive is found among those that beat, not among all that ever registered.
  const from = query.aliveOnly ? 'agent_presence p CROSS JOIN agent_contacts c' : 'agent_contacts c'
  const alive = query.aliveOnly
    ? 'p.agent_id > $1 AND c.agent_id = p.agent_id AND p.alive_until_ms >= $3'
    : 'c.agent_id > $1 AND $3 >= 0'
  const rows = await reader.all(
    `SELECT c.* FROM ${from} WHERE ${alive} AND ($2 = 1 OR c.status <> 'deregistered') ORDER BY ${query.aliveOnly ? 'p' : 'c'}.agent_id LIMIT $4`,
    [query.after, query.includeDeregistered ? 1 : 0, query.aliveAtMs, query.limit],
  )
  return rows.map((row) => ({ ...parseContact(row, query.nowMs), status: text(row, 'status') as AgentStatus }))
}

export async function findInDirectory(reader: Reader, agentId: string, nowMs: number): Promise<DirectoryRow | undefined> {
  const row = await reader.get('SELECT * FROM agent_contacts WHERE agent_id = $1', [agentId])
  return row && { ...parseContact(row, nowMs), status: text(row, 'status') as AgentStatus }
}

export async function findPresenceOf(
  reader: Reader,
  agentId: string,
  { aliveAtMs }: Clock,
): Promise<{ alive: boolean; busy: boolean }> {
  const row = await reader.get('SELECT busy, alive_until_ms FROM agent_presence WHERE agent_id = $1', [agentId])
  const alive = row !== undefined && integer(row, 'alive_until_ms') >= aliveAtMs
  return { alive, busy: alive && flag(row, 'busy') }
}

export async function listOffers(reader: Reader, agentId: string): Promise<Capability[]> {
  const rows = await reader.all('SELECT * FROM agent_offers WHERE agent_id = $1 ORDER BY capability', [agentId])
  return rows.map((row) => {
    const priceMicro = maybeMicro(row, 'price_micro')
    return {
      name: text(row, 'capability'),
      maxConcurrency: integer(row, 'max_concurrency'),
      ...(priceMicro !== undefined && { price: formatAmount(priceMicro) }),
    }
  })
}

function parseRanking(row: Row): Omit<CandidateRow, keyof Contact> {
  return {
    priceMicro: micro(row, 'price_micro'),
    load: integer(row, 'load'),
    maxConcurrency: integer(row, 'max_concurrency'),
    passed: integer(row, 'passed'),
    failed: integer(row, 'failed'),
    rank: BASIS_POINTS - integer(row, 'demerit_bps'),
  }
}
