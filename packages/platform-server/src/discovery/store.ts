import { type AgentStatus, type Capability, type Contact, formatAmount } from '@agent-marketplace/protocol'
import { parseContact } from '../contact-row.ts'
import type { Reader } from '../storage/database.ts'
import { flag, integer, maybeMicro, text } from '../storage/row.ts'

export interface Clock {
  readonly nowMs: number
  /** Who is alive at this instant is alive; it stands still while beats are turned away. */
  readonly aliveAtMs: number
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
