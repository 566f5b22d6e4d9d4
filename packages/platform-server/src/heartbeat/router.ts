import { BeatInput, BeatReply } from '@agent-marketplace/protocol'
import { agentBeat, router } from '../api/trpc.ts'
import { beat } from './operations.ts'

export const heartbeatRouter = router({
  beat: agentBeat
    .input(BeatInput)
    .output(BeatReply)
    .mutation(({ ctx, input }) => beat(ctx.deps, ctx.caller.agentId, input)),
})
