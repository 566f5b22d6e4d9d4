import {
  AssignmentId,
  type GetTaskInput,
  PARTICIPANTS_PER_TASK_MAX,
  type ReviewRule,
  SESSIONS_PER_TASK_MAX,
  type Session,
  type Task,
  type TaskDetail,
  TaskId,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { type Call, once } from '../idempotency/operations.ts'
import { cutPage, readCursor } from '../page.ts'
import { getEngageable } from '../registry/operations.ts'
import type { Reader, Tx } from '../storage/database.ts'
import { cancelForBuyer, lockAssignment, wireOf } from './assignment-life.ts'
import { hasOpenInTask, listOfTask, listOpenOfTask } from './assignment-store.ts'
import { isOpen } from './rules.ts'
import {
  closeSessionRecord,
  endTask,
  findRunningSession,
  findSession,
  findTask,
  insertSession,
  insertTask,
  listParticipants,
  listSessions,
  listTaskRecords,
  lockTask,
  removeParticipantRecord,
  upsertParticipant,
} from './task-store.ts'

export function createTask(
  deps: Deps,
  call: Call,
  input: { reviewRule: ReviewRule; buyerMayReview: boolean },
): Promise<{ taskId: string }> {
  return once(deps, call, input, async (tx) => {
    const taskId = deps.newId('task')
    await insertTask(tx, { ...input, taskId, buyerId: call.callerId, state: 'open', createdAtMs: deps.now() })
    return { taskId }
  })
}

/** @throws Refusal `not_found` for a task of somebody else. */
async function getOwnTask(reader: Reader, buyerId: string, taskId: string): Promise<Task> {
  const task = await findTask(reader, taskId)
  if (task?.buyerId !== buyerId) throw notFound('task')
  return task
}

/** Load a task to add to it or to end it: nobody else does until the transaction ends. @throws Refusal `not_found`; `wrong_state` if it has ended. */
export async function lockOpenTask(tx: Tx, buyerId: string, taskId: string): Promise<Task> {
  await lockTask(tx, taskId)
  const task = await getOwnTask(tx, buyerId, taskId)
  if (task.state !== 'open') throw new Refusal('wrong_state', `the task is ${task.state}`)
  return task
}

export async function listTasks(
  deps: Deps,
  agentId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ tasks: Task[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([TaskId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listTaskRecords(reader, { agentId, before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.taskId])
  return { tasks: items, ...next }
}

/** A task with a page of its assignments. @throws Refusal `not_found` */
export function getTaskDetail(deps: Deps, buyerId: string, { taskId, limit, cursor }: GetTaskInput): Promise<TaskDetail> {
  const [after] = readCursor(z.tuple([AssignmentId]), cursor) ?? ['']
  return deps.db.read(async (reader) => {
    const task = await getOwnTask(reader, buyerId, taskId)
    const rows = await listOfTask(reader, { taskId, after, limit: limit + 1 })
    const { items, ...next } = cutPage(rows, limit, (row) => [row.assignmentId])
    return {
      ...task,
      participants: await listParticipants(reader, taskId),
      sessions: await listSessions(reader, taskId),
      assignments: items.map(wireOf),
      ...next,
    }
  })
}

/** Close a task whose work has ended. @throws Refusal `wrong_state` while an assignment is open. */
export function completeTask(deps: Deps, call: Call, taskId: string): Promise<Task> {
  return once(deps, call, { taskId }, async (tx) => {
    const task = await lockOpenTask(tx, call.callerId, taskId)
    if ((await listOpenOfTask(tx, call.callerId, taskId)).length > 0)
      throw new Refusal('wrong_state', 'the task has open assignments')
    return end(tx, task, 'completed')
  })
}

/** Cancel a task with everything that was not accepted yet. @throws Refusal `wrong_state` while work is under a live lease or submitted. */
export function cancelTask(deps: Deps, call: Call, taskId: string): Promise<Task> {
  return once(deps, call, { taskId }, async (tx) => {
    const task = await lockOpenTask(tx, call.callerId, taskId)
    const open = await listOpenOfTask(tx, call.callerId, taskId)
    // A review that was accepted early ends with its target; only the work itself stands in the way.
    for (const { assignmentId } of open.filter((each) => each.kind === 'execute')) {
      const work = await lockAssignment(tx, assignmentId)
      if (work && isOpen(work)) await cancelForBuyer(deps, tx, work)
    }
    return end(tx, task, 'cancelled')
  })
}

async function end(tx: Tx, task: Task, state: 'completed' | 'cancelled'): Promise<Task> {
  if (!(await endTask(tx, task.taskId, state))) throw new Refusal('wrong_state', 'the task has ended')
  return { ...task, state }
}

export function createSession(deps: Deps, call: Call, taskId: string): Promise<Session> {
  return once(deps, call, { taskId }, async (tx) => {
    await lockOpenTask(tx, call.callerId, taskId)
    return openSession(deps, tx, taskId)
  })
}

/** @throws Refusal `capacity_exceeded` beyond 256 sessions. */
async function openSession(deps: Deps, tx: Tx, taskId: string): Promise<Session> {
  if ((await listSessions(tx, taskId)).length >= SESSIONS_PER_TASK_MAX)
    throw new Refusal('capacity_exceeded', 'the task has too many sessions')
  const session: Session = { sessionId: deps.newId('ses'), taskId, state: 'running' }
  await insertSession(tx, session)
  return session
}

/** A closed session takes no new assignments; those it has go on. */
export function closeSession(deps: Deps, call: Call, sessionId: string): Promise<Session> {
  return once(deps, call, { sessionId }, async (tx) => {
    const session = await findSession(tx, sessionId)
    if (!session) throw notFound('session')
    await lockTask(tx, session.taskId)
    const task = await findTask(tx, session.taskId)
    if (task?.buyerId !== call.callerId) throw notFound('session')
    if (!(await closeSessionRecord(tx, sessionId))) throw new Refusal('wrong_state', 'the session is closed')
    return { ...session, state: 'closed' }
  })
}

/**
 * The session that a new assignment joins: the one that is named, else the newest running one, else a new one.
 *
 * @throws Refusal `not_found` for a session of another task, `wrong_state` for a closed one.
 */
export async function chooseSession(deps: Deps, tx: Tx, taskId: string, sessionId: string | undefined): Promise<Session> {
  if (sessionId === undefined) return (await findRunningSession(tx, taskId)) ?? openSession(deps, tx, taskId)
  const session = await findSession(tx, sessionId)
  if (session?.taskId !== taskId) throw notFound('session')
  if (session.state === 'closed') throw new Refusal('wrong_state', 'the session is closed')
  return session
}

export function addParticipant(
  deps: Deps,
  call: Call,
  { taskId, participantAgentId }: { taskId: string; participantAgentId: string },
): Promise<{ taskId: string; participants: string[] }> {
  return once(deps, call, { taskId, participantAgentId }, async (tx) => {
    await lockOpenTask(tx, call.callerId, taskId)
    await getEngageable(tx, participantAgentId, undefined)
    return { taskId, participants: await admit(tx, taskId, participantAgentId) }
  })
}

/** Admit an agent to a task. @throws Refusal `capacity_exceeded` beyond 256 participants. */
export async function admit(tx: Tx, taskId: string, agentId: string): Promise<string[]> {
  await upsertParticipant(tx, taskId, agentId)
  const participants = await listParticipants(tx, taskId)
  if (participants.length > PARTICIPANTS_PER_TASK_MAX)
    throw new Refusal('capacity_exceeded', 'the task has too many participants')
  return participants
}

/** @throws Refusal `not_found` if the agent takes no part, `wrong_state` while it has open work in the task. */
export function removeParticipant(
  deps: Deps,
  call: Call,
  { taskId, participantAgentId }: { taskId: string; participantAgentId: string },
): Promise<{ taskId: string; participants: string[] }> {
  return once(deps, call, { taskId, participantAgentId }, async (tx) => {
    await lockOpenTask(tx, call.callerId, taskId)
    if (await hasOpenInTask(tx, participantAgentId, taskId))
      throw new Refusal('wrong_state', 'the participant has open work in this task')
    if (!(await removeParticipantRecord(tx, taskId, participantAgentId, deps.now()))) throw notFound('participant')
    return { taskId, participants: await listParticipants(tx, taskId) }
  })
}
