import { z } from 'zod'
import { Contact } from './agent-card.ts'
import { BasisPoints } from './discovery.ts'
import { AgentId, AssignmentId, CapabilityName, Cursor, HoldId, SessionId, TaskId, TimeMs } from './ids.ts'
import { Amount, Sum } from './ledger.ts'
import {
  ACCEPT_WITHIN_DEFAULT_MS,
  ATTEMPTS_MAX,
  CLOCK_MAX_MS,
  CLOCK_MIN_MS,
  LEASE_DEFAULT_MS,
  PAGE_DEFAULT,
  PAGE_MAX,
  REVIEW_WITHIN_DEFAULT_MS,
} from './limits.ts'

export const AssignmentKind = z.enum(['execute', 'review'])
export type AssignmentKind = z.infer<typeof AssignmentKind>

export const AssignmentState = z.enum([
  'offered',
  'assigned',
  'working',
  'submitted',
  'passed',
  'failed',
  'declined',
  'expired',
  'cancelled',
])
export type AssignmentState = z.infer<typeof AssignmentState>

/** One agent's duty. `price` is `"0"` for unpaid work; `assigneeId` is absent while it is an open offer. */
export const Assignment = z.strictObject({
  assignmentId: AssignmentId,
  taskId: TaskId,
  sessionId: SessionId,
  kind: AssignmentKind,
  state: AssignmentState,
  buyerId: AgentId,
  assigneeId: AgentId.optional(),
  targetAssignmentId: AssignmentId.optional(),
  capability: CapabilityName.optional(),
  /** What an offer asked of whoever claims it. */
  minReputation: BasisPoints.optional(),
  price: Sum,
  funded: z.boolean(),
  feeBps: BasisPoints,
  buyerMayReview: z.boolean(),
  attempt: z.int().min(1),
  maxAttempts: z.int().min(1).max(ATTEMPTS_MAX),
  leaseEpoch: z.int().min(0),
  leaseMs: z.int().min(CLOCK_MIN_MS).max(CLOCK_MAX_MS),
  acceptByMs: TimeMs,
  leaseExpiresAtMs: TimeMs.optional(),
  reviewByMs: TimeMs.optional(),
})
export type Assignment = z.infer<typeof Assignment>

/** An assignment with what its reader needs to write to the other parties, so no further look-up tells who writes to whom. */
export const AssignmentView = z.strictObject({ assignment: Assignment, contacts: z.array(Contact) })
export type AssignmentView = z.infer<typeof AssignmentView>

const ClockMs = z.int().min(CLOCK_MIN_MS).max(CLOCK_MAX_MS)

/** Without `assigneeAgentId` it is an open offer: `capability` says who may claim it, `minReputation` who of these. */
export const AssignInput = z.strictObject({
  taskId: TaskId,
  sessionId: SessionId.optional(),
  assigneeAgentId: AgentId.optional(),
  kind: AssignmentKind,
  targetAssignmentId: AssignmentId.optional(),
  capability: CapabilityName.optional(),
  minReputation: BasisPoints.optional(),
  price: Amount.optional(),
  fund: z.boolean().default(true),
  maxAttempts: z.int().min(1).max(ATTEMPTS_MAX).default(1),
  acceptWithinMs: ClockMs.default(ACCEPT_WITHIN_DEFAULT_MS),
  leaseMs: ClockMs.default(LEASE_DEFAULT_MS),
  reviewWithinMs: ClockMs.default(REVIEW_WITHIN_DEFAULT_MS),
})
export type AssignInput = z.infer<typeof AssignInput>
export const AssignReceipt = z.strictObject({ assignment: Assignment, contacts: z.array(Contact), holdId: HoldId.optional() })
export type AssignReceipt = z.infer<typeof AssignReceipt>

/** What an open offer shows, and nothing else: not whose it is, nor what the work is. `acceptByMs` is the last moment to claim and accept it. */
export const Offer = z.strictObject({
  assignmentId: AssignmentId,
  kind: AssignmentKind,
  capability: CapabilityName,
  price: Sum,
  acceptByMs: TimeMs,
  leaseMs: ClockMs,
  reviewWithinMs: ClockMs,
  maxAttempts: z.int().min(1).max(ATTEMPTS_MAX),
  minReputation: BasisPoints.optional(),
})
export type Offer = z.infer<typeof Offer>
export const ListOffersInput = z.strictObject({
  capability: CapabilityName.optional(),
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: Cursor.optional(),
})
export const OfferPage = z.strictObject({ offers: z.array(Offer), nextCursor: Cursor.optional() })

export const AssignmentInput = z.strictObject({ assignmentId: AssignmentId })
/** A call by the assignee after `accept`: it carries the lease it acts under. */
export const LeaseInput = z.strictObject({ assignmentId: AssignmentId, leaseEpoch: z.int().min(0) })
export const ListAssignmentsInput = z.strictObject({
  role: z.enum(['assignee', 'buyer']).default('assignee'),
  state: AssignmentState.optional(),
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: Cursor.optional(),
})
export const AssignmentPage = z.strictObject({ assignments: z.array(Assignment), nextCursor: Cursor.optional() })
export const TargetInput = z.strictObject({ targetAssignmentId: AssignmentId })
export const ReviewAssignments = z.strictObject({ assignments: z.array(Assignment), contacts: z.array(Contact) })
