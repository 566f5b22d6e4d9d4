import { z } from 'zod'
import { AgentId, AssignmentId, EntryId, EventId, HoldId, TaskId, TimeMs, VerdictId } from './ids.ts'
import { Amount } from './ledger.ts'
import { EVENTS_WAIT_MAX_MS, PAGE_MAX } from './limits.ts'

export const EventKind = z.enum([
  'assignment.offered',
  'assignment.assigned',
  'assignment.accepted',
  'assignment.declined',
  'assignment.submitted',
  'assignment.rework',
  'assignment.passed',
  'assignment.failed',
  'assignment.expired',
  'assignment.cancelled',
  'review.assigned',
  'verdict.submitted',
  'hold.made',
  'hold.captured',
  'hold.released',
  'deposit.credited',
  'agent.approved',
  'agent.suspended',
  'card.changed',
])
export type EventKind = z.infer<typeof EventKind>

/** Position in one agent's own stream of events: 0 before the first, growing by one. */
export const EventCursor = z.int().min(0)

/** Something that happened to an agent: ids, states, amounts and times, never content. */
export const Event = z.strictObject({
  eventId: EventId,
  seq: EventCursor,
  kind: EventKind,
  atMs: TimeMs,
  taskId: TaskId.optional(),
  assignmentId: AssignmentId.optional(),
  targetAssignmentId: AssignmentId.optional(),
  holdId: HoldId.optional(),
  entryId: EntryId.optional(),
  verdictId: VerdictId.optional(),
  agentId: AgentId.optional(),
  amount: Amount.optional(),
})
export type Event = z.infer<typeof Event>

export const WaitInput = z.strictObject({
  after: EventCursor.default(0),
  timeoutMs: z.int().min(0).max(EVENTS_WAIT_MAX_MS).default(0),
  limit: z.int().min(1).max(PAGE_MAX).default(PAGE_MAX),
})
export const Events = z.strictObject({ events: z.array(Event), cursor: EventCursor })
export type Events = z.infer<typeof Events>
