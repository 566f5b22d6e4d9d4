import { z } from 'zod'
import { AssignmentState } from './assignment.ts'
import { BasisPoints } from './discovery.ts'
import { AgentId, AssignmentId, HoldId, Signature, TimeMs, VerdictId } from './ids.ts'
import { HoldState } from './ledger.ts'
import { ATTEMPTS_MAX } from './limits.ts'

export const Outcome = z.enum(['passed', 'failed', 'invalid_format', 'content_unavailable', 'content_mismatch', 'inconclusive'])
export type Outcome = z.infer<typeof Outcome>

/** What a reviewer signs, field by field. `scoreBps` is 0 unless the outcome is `passed` or `failed`. */
const statement = {
  reviewAssignmentId: AssignmentId,
  targetAssignmentId: AssignmentId,
  attempt: z.int().min(1).max(ATTEMPTS_MAX),
  outcome: Outcome,
  scoreBps: BasisPoints,
  issuedAtMs: TimeMs,
}
export const VerdictStatement = z.strictObject(statement)
export type VerdictStatement = z.infer<typeof VerdictStatement>

export const SubmitVerdictInput = z.strictObject({ ...statement, signature: Signature, leaseEpoch: z.int().min(0) })
export type SubmitVerdictInput = z.infer<typeof SubmitVerdictInput>

export const Verdict = z.strictObject({
  ...statement,
  verdictId: VerdictId,
  reviewerId: AgentId,
  signature: Signature,
  atMs: TimeMs,
})
export type Verdict = z.infer<typeof Verdict>
export const Verdicts = z.strictObject({ verdicts: z.array(Verdict) })

const target = z.strictObject({ assignmentId: AssignmentId, state: AssignmentState, attempt: z.int().min(1) })
export const VerdictReceipt = z.strictObject({ verdictId: VerdictId, outcome: Outcome, target })
export type VerdictReceipt = z.infer<typeof VerdictReceipt>

export const SettleReceipt = z.strictObject({
  assignmentId: AssignmentId,
  state: AssignmentState,
  holdId: HoldId.optional(),
  holdState: HoldState.optional(),
})
export type SettleReceipt = z.infer<typeof SettleReceipt>

/** The bytes a verdict's signature covers: UTF-8 JSON of these six fields in this order, without white space. */
export function verdictBytes(verdict: VerdictStatement): Uint8Array {
  const { reviewAssignmentId, targetAssignmentId, attempt, outcome, scoreBps, issuedAtMs } = verdict
  return new TextEncoder().encode(
    JSON.stringify({ reviewAssignmentId, targetAssignmentId, attempt, outcome, scoreBps, issuedAtMs }),
  )
}
