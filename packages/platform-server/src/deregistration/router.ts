import { Deregistration, NoInput } from '@agent-marketplace/protocol'
import { agentMutation, router } from '../api/trpc.ts'
import { deregister } from './operations.ts'

export const deregistrationRouter = router({
  deregister: agentMutation
    .input(NoInput)
    .output(Deregistration)
    .mutation(({ ctx }) => deregister(ctx.deps, ctx.call)),
})
