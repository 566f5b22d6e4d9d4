import { Events, WaitInput } from '@agent-marketplace/protocol'
import { agentQuery, router } from '../api/trpc.ts'
import { waitForEvents } from './operations.ts'

export const eventsRouter = router({
  wait: agentQuery
    .input(WaitInput)
    .output(Events)
    .query(({ ctx, input }) => waitForEvents(ctx.deps, ctx.caller.agentId, { ...input, signal: ctx.request.signal })),
})
