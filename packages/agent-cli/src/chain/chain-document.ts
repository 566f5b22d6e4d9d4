import {
  AgentId,
  AssignmentId,
  CapabilityName,
  IdempotencyKey,
  ReviewRule,
  Sum,
  TaskId,
  TimeMs,
} from '@agent-marketplace/protocol'
import { Validators } from '@agent-marketplace/protocol/sealing'
import { z } from 'zod'
import { StepId } from './chain-file.ts'

/** The name of a chain on this machine; it never leaves it. */
export const CHAIN_ID = /^chn_[0-9a-f]{20}$/

const ReviewPlan = z.strictObject({
  capability: CapabilityName.optional(),
  agents: z.array(AgentId).optional(),
  count: z.int(),
  price: Sum.optional(),
  rule: ReviewRule,
  withinMs: z.int(),
})

/** A step as it was ordered when the chain began: nothing is read from the chain file again. */
export const PlannedStep = z.strictObject({
  id: StepId,
  needs: z.array(StepId),
  capability: CapabilityName.optional(),
  agentId: AgentId.optional(),
  price: Sum.optional(),
  instructions: z.string(),
  /** Files by their absolute paths, and steps whose output is handed on. */
  input: z.array(z.union([z.strictObject({ file: z.string() }), z.strictObject({ output: StepId })])),
  validators: Validators,
  review: ReviewPlan.optional(),
  attempts: z.int(),
  replacements: z.int(),
  acceptMs: z.int(),
  leaseMs: z.int(),
})
export type PlannedStep = z.infer<typeof PlannedStep>

/**
 * Somebody asked to do or to review the work, chosen before it is asked. `key` is the idempotency key of that call, `assignmentId` its answer.
 * `isTold` once order or brief was sent. `isOut`: this reviewer ended without a verdict that counts, or could not be had.
 */
const Hired = z.strictObject({
  agentId: AgentId,
  key: IdempotencyKey,
  atMs: TimeMs,
  assignmentId: AssignmentId.optional(),
  isTold: z.boolean().optional(),
  isOut: z.boolean().optional(),
})
export type Hired = z.infer<typeof Hired>

/** How the work of one executor ended. `refused`: the platform would not have it; `unreachable`: nothing can be sealed to it. */
export const TryEnd = z.enum(['passed', 'failed', 'declined', 'expired', 'cancelled', 'refused', 'unreachable'])
export type TryEnd = z.infer<typeof TryEnd>

/** One executor with its reviewers: a task of its own on the platform, so that nothing there ties the steps of a chain together. */
export const Try = z.strictObject({
  taskKey: IdempotencyKey,
  taskId: TaskId.optional(),
  executor: Hired.optional(),
  reviewers: z.array(Hired),
  end: TryEnd.optional(),
  endedAtMs: TimeMs.optional(),
  /** What it cost, once it has ended. */
  cost: Sum.optional(),
  /** Nothing is left to do about its task. */
  isClosed: z.boolean().optional(),
})
export type Try = z.infer<typeof Try>

export const StepState = z.enum(['waiting', 'running', 'passed', 'failed', 'skipped', 'cancelled'])
export type StepState = z.infer<typeof StepState>

export const ChainStep = z.strictObject({
  plan: PlannedStep,
  state: StepState,
  /** Why it failed or was skipped, in words. */
  reason: z.string().optional(),
  tries: z.array(Try),
  /** How many executors may be asked in all. */
  triesMax: z.int(),
  /** Absolute paths of its result. */
  output: z.array(z.string()).optional(),
})
export type ChainStep = z.infer<typeof ChainStep>

export const ChainState = z.enum(['running', 'done', 'failed', 'cancelling', 'cancelled'])
export type ChainState = z.infer<typeof ChainState>

/** Everything about one chain: what was planned, and how far it is. Kept on this machine only. */
export const ChainDocument = z.strictObject({
  version: z.literal(1),
  chainId: z.string().regex(CHAIN_ID),
  agentId: AgentId,
  server: z.string(),
  /** Absolute path of the file it was read from, to show. */
  file: z.string(),
  /** Where outputs are put, a directory for each step. */
  out: z.string(),
  createdAtMs: TimeMs,
  budget: Sum.optional(),
  state: ChainState,
  steps: z.array(ChainStep),
})
export type ChainDocument = z.infer<typeof ChainDocument>
