import {
  AgentInput,
  Audit,
  CreatedInvite,
  CreateInviteInput,
  Invite,
  InviteInput,
  InvitePage,
  NoInput,
  PageInput,
  SetTrustTierInput,
  Standing,
} from '@agent-marketplace/protocol'
import { operatorMutation, operatorQuery, router } from '../api/trpc.ts'
import { listInvites } from '../identity/operations.ts'
import { audit, createInvite, decideStanding, endInvite, setTrustTier } from './operations.ts'

const onAgent = operatorMutation.input(AgentInput).output(Standing)

export const operatorsRouter = router({
  createInvite: operatorMutation
    .input(CreateInviteInput)
    .output(CreatedInvite)
    .mutation(({ ctx, input }) => createInvite(ctx.deps, ctx.call, { ...input, trustTier: ctx.caller.trustTier })),
  listInvites: operatorQuery
    .input(PageInput)
    .output(InvitePage)
    .query(({ ctx, input }) => listInvites(ctx.deps, input)),
  revokeInvite: operatorMutation
    .input(InviteInput)
    .output(Invite)
    .mutation(({ ctx, input }) => endInvite(ctx.deps, ctx.call, input.inviteId)),
  approveAgent: onAgent.mutation(({ ctx, input }) => decideStanding(ctx.deps, ctx.call, input.agentId, 'approve')),
  suspendAgent: onAgent.mutation(({ ctx, input }) => decideStanding(ctx.deps, ctx.call, input.agentId, 'suspend')),
  resumeAgent: onAgent.mutation(({ ctx, input }) => decideStanding(ctx.deps, ctx.call, input.agentId, 'resume')),
  setTrustTier: operatorMutation
    .input(SetTrustTierInput)
    .output(Standing)
    .mutation(({ ctx, input }) => setTrustTier(ctx.deps, ctx.call, input)),
  audit: operatorQuery
    .input(NoInput)
    .output(Audit)
    .query(({ ctx }) => audit(ctx.deps)),
})
