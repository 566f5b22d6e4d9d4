import {
  type Assignment,
  AssignmentId,
  type AssignmentState,
  type AssignmentView,
  type Contact,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { listContacts } from '../identity/operations.ts'
import { cutPage, readCursor } from '../page.ts'
import type { Reader } from '../storage/database.ts'
import { getVisible } from './access.ts'
import { wireOf } from './assignment-life.ts'
import { findAssignment, listAssignmentRecords, listReviewsOf } from './assignment-store.ts'
import { type AssignmentRecord, partiesOf } from './rules.ts'

/** One assignment, with the cards and prekeys of the other parties. @throws Refusal `not_found` */
export function getAssignmentView(deps: Deps, agentId: string, assignmentId: string): Promise<AssignmentView> {
  return deps.db.read(async (reader) => viewOf(deps, reader, agentId, await getVisible(reader, agentId, assignmentId)))
}

/** An assignment as one of its parties sees it. */
export async function viewOf(deps: Deps, reader: Reader, agentId: string, record: AssignmentRecord): Promise<AssignmentView> {
  const target = record.targetAssignmentId ? await findAssignment(reader, record.targetAssignmentId) : undefined
  const others = new Set([...partiesOf(record), target?.assigneeId])
  return { assignment: wireOf(record), contacts: await contactsOf(deps, reader, agentId, others) }
}

/** The reviews of a piece of work and the cards of its reviewers. @throws Refusal `not_found` */
export function listReviewAssignments(
  deps: Deps,
  agentId: string,
  targetAssignmentId: string,
): Promise<{ assignments: Assignment[]; contacts: Contact[] }> {
  return deps.db.read(async (reader) => {
    const target = await getVisible(reader, agentId, targetAssignmentId)
    const isParty = partiesOf(target).includes(agentId)
    const reviews = (await listReviewsOf(reader, targetAssignmentId)).filter((each) => isParty || each.assigneeId === agentId)
    const contacts = await contactsOf(deps, reader, agentId, new Set(reviews.map((each) => each.assigneeId)))
    return { assignments: reviews.map(wireOf), contacts }
  })
}

function contactsOf(deps: Deps, reader: Reader, agentId: string, others: ReadonlySet<string | undefined>): Promise<Contact[]> {
  const ids = [...others].filter((each) => each !== undefined && each !== agentId)
  return listContacts(deps, reader, ids as string[])
}

/** An agent's assignments, newest first. */
export async function listAssignments(
  deps: Deps,
  agentId: string,
  {
    role,
    state,
    limit,
    cursor,
  }: { role: 'assignee' | 'buyer'; state?: AssignmentState | undefined; limit: number; cursor?: string | undefined },
): Promise<{ assignments: Assignment[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([AssignmentId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listAssignmentRecords(reader, { agentId, role, state, before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.assignmentId])
  return { assignments: items.map(wireOf), ...next }
}
