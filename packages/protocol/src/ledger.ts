import { z } from 'zod'
import { isMovable, parseAmount } from './amount.ts'
import { AgentId, AssignmentId, Cursor, EntryId, HoldId, TimeMs } from './ids.ts'
import { PAGE_DEFAULT, PAGE_MAX } from './limits.ts'

/** A canonical decimal string of credits that can be moved: `0 < amount ≤ 1 000 000 000`. */
export const Amount = z.string().refine((text) => isMovable(parseAmount(text) ?? 0n), 'a canonical decimal amount')

/** A sum of credits, zero or more. */
export const Sum = z.string().refine((text) => parseAmount(text) !== undefined, 'a canonical decimal sum')

export const EntryKind = z.enum(['deposit', 'hold', 'capture', 'release', 'refund', 'withdraw'])
export type EntryKind = z.infer<typeof EntryKind>

/** `available:ID`, `held:ID`, `fees` or `external`. */
export const Account = z.string().regex(/^(?:(?:available|held):[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]|fees|external)$/)

export const Posting = z.strictObject({ from: Account, to: Account, amount: Amount })

export const LedgerEntry = z.strictObject({
  entryId: EntryId,
  kind: EntryKind,
  holdId: HoldId.optional(),
  assignmentId: AssignmentId.optional(),
  postings: z.array(Posting),
  atMs: TimeMs,
})
export type LedgerEntry = z.infer<typeof LedgerEntry>

export const Balance = z.strictObject({ available: Sum, held: Sum })
export type Balance = z.infer<typeof Balance>

export const DepositInput = z.strictObject({ amount: Amount, agentId: AgentId.optional() })
export const DepositReceipt = z.strictObject({ entryId: EntryId, available: Sum, held: Sum })

export const HoldState = z.enum(['active', 'captured', 'released'])
export const Hold = z.strictObject({
  holdId: HoldId,
  assignmentId: AssignmentId,
  payerId: AgentId,
  /** Absent while its assignment is an open offer. */
  payeeId: AgentId.optional(),
  amount: Amount,
  state: HoldState,
  madeAtMs: TimeMs,
})
export type Hold = z.infer<typeof Hold>

export const HoldInput = z.strictObject({ assignmentId: AssignmentId, amount: Amount.optional() })
export const RefundInput = z.strictObject({ holdId: HoldId })
export const ListHoldsInput = z.strictObject({
  assignmentId: AssignmentId.optional(),
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: Cursor.optional(),
})
export const HoldPage = z.strictObject({ holds: z.array(Hold), nextCursor: Cursor.optional() })
export const LedgerPage = z.strictObject({ entries: z.array(LedgerEntry), nextCursor: Cursor.optional() })
export const PageInput = z.strictObject({
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: Cursor.optional(),
})
