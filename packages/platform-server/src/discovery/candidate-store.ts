import { AMOUNT_MICRO_MAX, BASIS_POINTS, type Contact, parseAmount } from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader, Row } from '../storage/database.ts'
import { integer, micro } from '../storage/row.ts'
import type { CandidateCursor } from './cursors.ts'
import { lowestRankOf } from './rules.ts'
import type { Clock } from './store.ts'

export interface CandidateRow extends Contact {
  /** 0 for an offer without a price. */
  readonly priceMicro: bigint
  readonly load: number
  readonly maxConcurrency: number
  readonly passed: number
  readonly failed: number
  readonly rank: number
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
 * A walk along the index of candidates. Each step finds the next offer of the same rank that will do; where there is none, it goes to the beginning of
 * the next rank, without an agent. So one offer that is too dear ends its rank, however many are dearer. The first line takes the collation of the
 * column, which PostgreSQL insists on.
 */
const WALK = `
  WITH RECURSIVE walk (found, agent_id, demerit_bps, price_micro, load, max_concurrency) AS (
    SELECT 0, coalesce((SELECT agent_id FROM candidates LIMIT 0), $10), $7, $8, $9, CAST(0 AS BIGINT)
    UNION ALL
    SELECT w.found + CASE WHEN k.agent_id IS NULL THEN 0 ELSE 1 END,
           coalesce(k.agent_id, ''),
           coalesce(k.demerit_bps, (SELECT min(demerit_bps) FROM candidates WHERE capability = $1 AND demerit_bps > w.demerit_bps AND demerit_bps <= $12)),
           coalesce(k.price_micro, -1),
           coalesce(k.load, 0),
           coalesce(k.max_concurrency, 0)
    FROM walk w LEFT JOIN candidates k ON k.capability = $1 AND k.agent_id = (
      SELECT o.agent_id
      FROM candidates o
      CROSS JOIN agent_presence p
      CROSS JOIN agent_contacts c
      LEFT JOIN agent_reputation r ON r.agent_id = o.agent_id
      WHERE o.capability = $1 AND o.demerit_bps = w.demerit_bps
        AND (o.price_micro, o.load, o.agent_id) > (w.price_micro, w.load, w.agent_id) AND o.price_micro <= $5
        AND p.agent_id = o.agent_id AND p.alive_until_ms >= $3
        AND c.agent_id = o.agent_id AND c.status = 'active' AND o.agent_id <> $2
        AND ($4 = 1 OR (p.busy = 0 AND o.load < o.max_concurrency))
        AND ($6 < 0 OR (r.passed + r.failed > 0 AND r.passed * ${BASIS_POINTS} / (r.passed + r.failed) >= $6))
      ORDER BY o.price_micro, o.load, o.agent_id LIMIT 1)
    WHERE w.found < $11 AND w.demerit_bps IS NOT NULL)
  SELECT c.*, w.max_concurrency, w.price_micro, w.load, w.demerit_bps, coalesce(r.passed, 0) AS passed, coalesce(r.failed, 0) AS failed
  FROM walk w
  CROSS JOIN agent_contacts c
  LEFT JOIN agent_reputation r ON r.agent_id = c.agent_id
  WHERE c.agent_id = w.agent_id AND w.found > 0
  ORDER BY w.found`

/**
 * Agents that are registered, approved, alive and offer the capability; best first: rank, price, load, id.
 * Busy is who says so, and who has no free capacity. A page begins where the last one ended.
 */
export async function listCandidates(reader: Reader, query: CandidateQuery): Promise<CandidateRow[]> {
  const [afterRank, afterPrice, afterLoad, afterId] = query.after ?? [BASIS_POINTS + 1, '0', 0, '']
  const rows = await reader.all(WALK, [
    query.capability,
    query.callerId,
    query.aliveAtMs,
    query.includeBusy ? 1 : 0,
    query.maxPriceMicro ?? AMOUNT_MICRO_MAX,
    query.minReputation ?? -1,
    BASIS_POINTS - afterRank,
    parseAmount(afterPrice) ?? 0n,
    afterLoad,
    afterId,
    query.limit,
    BASIS_POINTS - lowestRankOf(query.minReputation ?? 0),
  ])
  return rows.map((row) => ({ ...parseContact(row, query.nowMs), ...parseRanking(row) }))
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
