import {
  type AgentDetail,
  type AgentSummary,
  type Candidate,
  type DiscoverInput,
  formatAmount,
  parseAmount,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { notFound } from '../errors.ts'
import { cutPage, readCursor } from '../page.ts'
import type { Reader } from '../storage/database.ts'
import { type CandidateRow, listCandidates } from './candidate-store.ts'
import { AgentCursor, CandidateCursor } from './cursors.ts'
import { reputationOf } from './rules.ts'
import { type Clock, type DirectoryRow, findInDirectory, findPresenceOf, listDirectory, listOffers } from './store.ts'

/** Choose: agents that could take an assignment of this capability now, best first. Never the caller itself. */
export async function discover(
  deps: Deps,
  callerId: string,
  { capability, limit, includeBusy, maxPrice, minReputation, cursor }: DiscoverInput,
): Promise<{ candidates: Candidate[]; nextCursor?: string }> {
  const after = readCursor(CandidateCursor, cursor)
  const maxPriceMicro = maxPrice === undefined ? undefined : parseAmount(maxPrice)
  const query = { capability, callerId, ...clockOf(deps), includeBusy, maxPriceMicro, minReputation, after }
  const rows = await deps.db.read((reader) => listCandidates(reader, { ...query, limit: limit === 0 ? 0 : limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.rank, formatAmount(row.priceMicro), row.load, row.agentId])
  return { candidates: items.map((row) => candidateOf(capability, row)), ...next }
}

function candidateOf(
  capability: string,
  { agentId, card, prekey, priceMicro, load, maxConcurrency, ...record }: CandidateRow,
): Candidate {
  const price = priceMicro === 0n ? undefined : formatAmount(priceMicro)
  return { agentId, card, prekey, capability, price, load, maxConcurrency, reputation: reputationOf(record) }
}

/** The directory of registered agents, in order of ids. */
export function listAgents(
  deps: Deps,
  {
    aliveOnly,
    includeDeregistered,
    limit,
    cursor,
  }: { aliveOnly: boolean; includeDeregistered: boolean; limit: number; cursor?: string | undefined },
): Promise<{ agents: AgentSummary[]; nextCursor?: string }> {
  const [after] = readCursor(AgentCursor, cursor) ?? ['']
  return deps.db.read(async (reader) => {
    const query = { aliveOnly, includeDeregistered, after, limit: limit === 0 ? 0 : limit + 1, ...clockOf(deps) }
    const { items, ...next } = cutPage(await listDirectory(reader, query), limit, (row) => [row.agentId])
    const agents: AgentSummary[] = []
    for (const row of items) agents.push(await summaryOf(deps, reader, row))
    return { agents, ...next }
  })
}

/** One agent of the directory, with what is needed to write to it. @throws Refusal `not_found` */
export function getAgentDetail(deps: Deps, agentId: string): Promise<AgentDetail> {
  return deps.db.read(async (reader) => {
    const row = await findInDirectory(reader, agentId, deps.now())
    if (!row) throw notFound('agent')
    return { ...(await summaryOf(deps, reader, row)), prekey: row.prekey }
  })
}

/** The time, and the instant as of which agents are judged to be alive. */
function clockOf({ now, presence }: Deps): Clock {
  const nowMs = now()
  return { nowMs, aliveAtMs: presence.judgedAtMs(nowMs) }
}

async function summaryOf(deps: Deps, reader: Reader, { agentId, status, card }: DirectoryRow): Promise<AgentSummary> {
  const presence = await findPresenceOf(reader, agentId, clockOf(deps))
  return { agentId, status, ...presence, capabilities: await listOffers(reader, agentId), card }
}
