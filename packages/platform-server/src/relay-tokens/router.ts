import { IssuedRelayTokens, IssueRelayTokensInput, NoInput, RelayTokenKeys } from '@agent-marketplace/protocol'
import { agentMutation, publicProcedure, router } from '../api/trpc.ts'
import { issueTokens, listTokenKeys } from './operations.ts'

export const relayTokensRouter = router({
  keys: publicProcedure
    .input(NoInput)
    .output(RelayTokenKeys)
    .query(({ ctx }) => listTokenKeys(ctx.deps)),
  issue: agentMutation
    .input(IssueRelayTokensInput)
    .output(IssuedRelayTokens)
    .mutation(({ ctx, input }) => issueTokens(ctx.deps, ctx.call, input)),
})
