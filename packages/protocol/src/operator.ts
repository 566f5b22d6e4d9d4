import { z } from 'zod'
import { AgentStatus, RegistrationToken, TrustTier } from './agent-card.ts'
import { AgentId, Cursor, InviteId, TimeMs } from './ids.ts'
import { Sum } from './ledger.ts'
import { INVITE_USES_MAX } from './limits.ts'

export const CreateInviteInput = z.strictObject({ uses: z.int().min(1).max(INVITE_USES_MAX).default(1), expiresAtMs: TimeMs })
export const InviteInput = z.strictObject({ inviteId: InviteId })

/** Leave for so many newcomers, until it expires, is used up or is revoked. */
export const Invite = z.strictObject({
  inviteId: InviteId,
  uses: z.int().min(1),
  usesLeft: z.int().min(0),
  createdAtMs: TimeMs,
  expiresAtMs: TimeMs,
  revokedAtMs: TimeMs.optional(),
})
export type Invite = z.infer<typeof Invite>

/** `token` is told once: it is absent when the same call is answered again. */
export const CreatedInvite = Invite.extend({ token: RegistrationToken.optional() })
export type CreatedInvite = z.infer<typeof CreatedInvite>
export const InvitePage = z.strictObject({ invites: z.array(Invite), nextCursor: Cursor.optional() })

export const AgentInput = z.strictObject({ agentId: AgentId })
export const SetTrustTierInput = z.strictObject({ agentId: AgentId, trustTier: TrustTier })

/** What operators decide about an agent. */
export const Standing = z.strictObject({ agentId: AgentId, status: AgentStatus, trustTier: TrustTier })
export type Standing = z.infer<typeof Standing>

/** What must hold of the ledger at every moment, as far as its balances tell. */
export const LedgerLaw = z.enum(['deposits_are_somewhere', 'held_money_is_in_holds', 'nothing_is_overdrawn'])
export type LedgerLaw = z.infer<typeof LedgerLaw>

const count = z.int().min(0)

/** Counts and sums of the whole ledger. `outside` is what came in less what went out; `broken` names the laws that do not hold. */
export const LedgerAudit = z.strictObject({
  entries: count,
  activeHolds: count,
  outside: Sum,
  available: Sum,
  held: Sum,
  fees: Sum,
  broken: z.array(LedgerLaw),
})
export type LedgerAudit = z.infer<typeof LedgerAudit>

export const Audit = z.strictObject({ agents: z.record(AgentStatus, count), ledger: LedgerAudit })
export type Audit = z.infer<typeof Audit>
