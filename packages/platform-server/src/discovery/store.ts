import { type AgentStatus, type Capability, type Contact, formatAmount, parseAmount } from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader, Row } from '../storage/database.ts'
import { flag, integer, maybeMicro, text } from '../storage/row.ts'
import type { CandidateCursor } from './cursors.ts'

/**
 * Work decided so far, smoothed by one success and one failure: a newcomer ranks in the middle, not last for ever.
 * In basis points, so that it is compared as an integer.
 */
const RANK = '(coalesce(r.passed, 0) + 1) * 10000 / (coalesce(r.passed, 0) + coalesce(r.failed, 0) + 2)'
const LOAD = '(SELECT count(*) FROM open_duties d WHERE d.assignee_id = o.agent_id AND d.capability = o.capability)'

export interface CandidateRow extends Contact {
  readonly priceMicro: bigint | undefined
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
 * Busy is who says so, and who has no free capacity.
 */
export async function listCandidates(reader: Reader, query: CandidateQuery): Promise<CandidateRow[]> {
  const [afterRank, afterPrice, afterLoad, afterId] = query.after ?? [null, null, null, null]
  const rows = await reader.all(
    `SELECT * FROM (
       SELECT c.*, p.busy, o.max_concurrency, o.price_micro, coalesce(o.price_micro, 0) AS price, ${LOAD} AS load,
              coalesce(r.passed, 0) AS passed, coalesce(r.failed, 0) AS failed, ${RANK} AS rank
       FROM agent_offers o
       JOIN agent_presence p ON p.agent_id = o.agent_id AND p.alive_until_ms >= $3
       JOIN agent_contacts c ON c.agent_id = o.agent_id AND c.status = 'active'
       LEFT JOIN agent_reputation r ON r.agent_id = o.agent_id
       WHERE o.capability = $1 AND o.agent_id <> $2
     ) candidate
     WHERE ($4 = 1 OR (busy = 0 AND load < max_concurrency))
       AND ($5 < 0 OR price <= $5)
       AND ($6 < 0 OR (passed + failed > 0 AND passed * 10000 / (passed + failed) >= $6))
       AND ($7 < 0 OR rank < $7 OR (rank = $7 AND (price > $8 OR (price = $8 AND (load > $9 OR (load = $9 AND agent_id > $10))))))
     ORDER BY rank DESC, price, load, agent_id LIMIT $11`,
    [
      query.capability,
      query.callerId,
      query.aliveAtMs,
      query.includeBusy ? 1 : 0,
      query.maxPriceMicro ?? -1,
      query.minReputation ?? -1,
      afterRank ?? -1,
      parseAmount(afterPrice ?? '0') ?? 0n,
      afterLoad ?? 0,
      afterId ?? '',
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
  const rows = await reader.all(
    `SELECT * FROM agent_contacts c
     WHERE c.agent_id > $1 AND ($2 = 1 OR c.status <> 'deregistered')
       AND ($3 = 0 OR EXISTS (SELECT 1 FROM agent_presence p WHERE p.agent_id = c.agent_id AND p.alive_until_ms >= $4))
     ORDER BY c.agent_id LIMIT $5`,
    [query.after, query.includeDeregistered ? 1 : 0, query.aliveOnly ? 1 : 0, query.aliveAtMs, query.limit],
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
    priceMicro: maybeMicro(row, 'price_micro'),
    load: integer(row, 'load'),
    maxConcurrency: integer(row, 'max_concurrency'),
    passed: integer(row, 'passed'),
    failed: integer(row, 'failed'),
    rank: integer(row, 'rank'),
  }
}
