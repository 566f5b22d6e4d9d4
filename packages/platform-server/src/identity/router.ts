import {
  OpenedSession,
  PublishedPrekey,
  PublishPrekeyInput,
  procedures,
  RegisterInput,
  Registration,
  SessionProof,
} from '@agent-marketplace/protocol'
import { agentMutation, agentQuery, provenMutation, publicProcedure, router } from '../api/trpc.ts'
import { openSession, publishPrekey, register, whoami } from './operations.ts'

const { input, output } = procedures['identity.whoami']

export const identityRouter = router({
  register: provenMutation
    .input(RegisterInput)
    .output(Registration)
    .mutation(({ ctx, input }) => register(ctx.deps, ctx, input)),
  openSession: publicProcedure
    .input(SessionProof)
    .output(OpenedSession)
    .mutation(({ ctx, input }) => openSession(ctx.deps, input)),
  publishPrekey: agentMutation
    .input(PublishPrekeyInput)
    .output(PublishedPrekey)
    .mutation(({ ctx, input }) => publishPrekey(ctx.deps, ctx.call, input.prekey)),
  whoami: agentQuery
    .input(input)
    .output(output)
    .query(({ ctx }) => whoami(ctx.deps, ctx.caller)),
})
