import {
  ListRotationsInput,
  NoInput,
  OpenedRecovery,
  OpenedSession,
  OpenRecoveryInput,
  OpenSessionInput,
  PublishedPrekey,
  PublishPrekeyInput,
  RegisterInput,
  Registration,
  Rotations,
  Whoami,
} from '@agent-marketplace/protocol'
import { agentMutation, agentQuery, provenMutation, publicProcedure, router } from '../api/trpc.ts'
import { listRotations, openRecovery, openSession, publishPrekey, register, whoami } from './operations.ts'

export const identityRouter = router({
  register: provenMutation
    .input(RegisterInput)
    .output(Registration)
    .mutation(({ ctx, input }) => register(ctx.deps, ctx, input)),
  openSession: publicProcedure
    .input(OpenSessionInput)
    .output(OpenedSession)
    .mutation(({ ctx, input }) => openSession(ctx.deps, input)),
  openRecovery: publicProcedure
    .input(OpenRecoveryInput)
    .output(OpenedRecovery)
    .mutation(({ ctx, input }) => openRecovery(ctx.deps, input)),
  publishPrekey: agentMutation
    .input(PublishPrekeyInput)
    .output(PublishedPrekey)
    .mutation(({ ctx, input }) => publishPrekey(ctx.deps, ctx.call, input.prekey)),
  whoami: agentQuery
    .input(NoInput)
    .output(Whoami)
    .query(({ ctx }) => whoami(ctx.deps, ctx.caller)),
  listRotations: agentQuery
    .input(ListRotationsInput)
    .output(Rotations)
    .query(({ ctx, input }) => listRotations(ctx.deps, input)),
})
