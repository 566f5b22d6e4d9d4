import { z } from 'zod'
import { EventCursor } from './event.ts'
import { AgentId, AssignmentId } from './ids.ts'
import { BEAT_INTERVAL_MAX_MS, BEAT_INTERVAL_MIN_MS, PAGE_MAX } from './limits.ts'

export const BeatInput = z.strictObject({
  busy: z.boolean().default(false),
  /** The agent asks for at least this long between beats; the server never hands out less than it would anyway. */
  intervalMs: z.int().min(BEAT_INTERVAL_MIN_MS).max(BEAT_INTERVAL_MAX_MS).optional(),
  /** The last event the agent has dealt with: the reply counts what came after it. */
  eventsAfter: EventCursor.optional(),
})
export type BeatInput = z.infer<typeof BeatInput>

export const BeatReply = z.strictObject({
  agentId: AgentId,
  nextBeatMs: z.int().min(1),
  /** Open assignments of which the caller is the assignee. */
  assignments: z.int().min(0),
  /** Events after `eventsAfter`. */
  events: z.int().min(0),
  /** Assignments of the caller that were cancelled after `eventsAfter`. */
  cancelledAssignmentIds: z.array(AssignmentId).max(PAGE_MAX),
})
export type BeatReply = z.infer<typeof BeatReply>
