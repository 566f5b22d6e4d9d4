import { notFound, Refusal } from '../errors.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { findAssignment, listReviewsOf } from './assignment-store.ts'
import type { AssignmentRecord } from './rules.ts'
import { lockWork } from './transition-store.ts'

/** @throws Refusal `not_found`, the same for a missing id and for one the reader has no part in. */
export async function getVisible(reader: Reader, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  const record = await findAssignment(reader, assignmentId)
  if (!record || !(await isVisible(reader, agentId, record))) throw notFound('assignment')
  return record
}

/** For the buyer and the assignee; a reviewer also sees its target, an executor the reviews of its work. */
async function isVisible(reader: Reader, agentId: string, record: AssignmentRecord): Promise<boolean> {
  if (record.buyerId === agentId || record.assigneeId === agentId) return true
  if (record.targetAssignmentId) return (await findAssignment(reader, record.targetAssignmentId))?.assigneeId === agentId
  return (await listReviewsOf(reader, record.assignmentId)).some((review) => review.assigneeId === agentId)
}

/** Load and lock. @throws Refusal `not_found`; `forbidden` for somebody who sees it but is not its assignee. */
export async function lockAsAssignee(tx: Tx, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  await lockWork(tx, assignmentId)
  const record = await getVisible(tx, agentId, assignmentId)
  if (record.assigneeId !== agentId) throw new Refusal('forbidden', 'only the assignee may do this')
  return record
}

/** Load and lock. @throws Refusal `not_found`; `forbidden` for somebody who sees it but is not its buyer. */
export async function lockAsBuyer(tx: Tx, agentId: string, assignmentId: string): Promise<AssignmentRecord> {
  await lockWork(tx, assignmentId)
  const record = await getVisible(tx, agentId, assignmentId)
  if (record.buyerId !== agentId) throw new Refusal('forbidden', 'only the buyer may do this')
  return record
}
