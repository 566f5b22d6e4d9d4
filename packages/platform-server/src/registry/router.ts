import { DeclareCapabilitiesInput, DeclaredCapabilities } from '@agent-marketplace/protocol'
import { agentMutation, router } from '../api/trpc.ts'
import { declareCapabilities } from './operations.ts'

export const registryRouter = router({
  declareCapabilities: agentMutation
    .input(DeclareCapabilitiesInput)
    .output(DeclaredCapabilities)
    .mutation(({ ctx, input }) => declareCapabilities(ctx.deps, ctx.call, input.capabilities)),
})
