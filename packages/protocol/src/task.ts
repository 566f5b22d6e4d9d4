import { z } from 'zod'
import { Assignment } from './assignment.ts'
import { AgentId, Cursor, SessionId, TaskId, TimeMs } from './ids.ts'
import { PAGE_MAX } from './limits.ts'

export const ReviewRule = z.enum(['unanimous', 'majority'])
export type ReviewRule = z.infer<typeof ReviewRule>

export const Task = z.strictObject({
  taskId: TaskId,
  buyerId: AgentId,
  state: z.enum(['open', 'completed', 'cancelled']),
  reviewRule: ReviewRule,
  buyerMayReview: z.boolean(),
  createdAtMs: TimeMs,
})
export type Task = z.infer<typeof Task>

export const Session = z.strictObject({ sessionId: SessionId, taskId: TaskId, state: z.enum(['running', 'closed']) })
export type Session = z.infer<typeof Session>

export const CreateTaskInput = z.strictObject({
  reviewRule: ReviewRule.default('unanimous'),
  buyerMayReview: z.boolean().default(false),
})
export const TaskReceipt = z.strictObject({ taskId: TaskId })
export const TaskInput = z.strictObject({ taskId: TaskId })
export const TaskPage = z.strictObject({ tasks: z.array(Task), nextCursor: Cursor.optional() })
/** A task is whole on its first page unless it has had more than a hundred assignments. */
export const GetTaskInput = z.strictObject({
  taskId: TaskId,
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_MAX),
  cursor: Cursor.optional(),
})
export type GetTaskInput = z.infer<typeof GetTaskInput>
/** Its assignments are a page, oldest first. */
export const TaskDetail = Task.extend({
  participants: z.array(AgentId),
  sessions: z.array(Session),
  assignments: z.array(Assignment),
  nextCursor: Cursor.optional(),
})
export type TaskDetail = z.infer<typeof TaskDetail>

export const ParticipantInput = z.strictObject({ taskId: TaskId, participantAgentId: AgentId })
export const Participants = z.strictObject({ taskId: TaskId, participants: z.array(AgentId) })
export const CloseSessionInput = z.strictObject({ sessionId: SessionId })
