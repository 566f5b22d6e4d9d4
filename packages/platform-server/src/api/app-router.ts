import { NoInput, PROTOCOL_VERSION, ServerInfo } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { deregistrationRouter } from '../deregistration/router.ts'
import { discoveryRouter } from '../discovery/router.ts'
import { eventsRouter } from '../events/router.ts'
import { heartbeatRouter } from '../heartbeat/router.ts'
import { identityRouter } from '../identity/router.ts'
import { operatorsRouter } from '../operators/router.ts'
import { registryRouter } from '../registry/router.ts'
import { relayTokensRouter } from '../relay-tokens/router.ts'
import { reviewRouter } from '../review/router.ts'
import { settlementRouter } from '../settlement/router.ts'
import { tasksRouter } from '../tasks/router.ts'
import { VERSION } from '../version.ts'
import { mergeRouters, publicProcedure, router } from './trpc.ts'

function serverInfo({ config, instanceId, now }: Deps): ServerInfo {
  const { origin, relayOrigin, registration, deposits, relayTokens } = config
  return {
    instanceId,
    origin,
    relayOrigins: relayOrigin ? [relayOrigin] : [],
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    registration,
    deposits,
    relayTokens,
    nowMs: now(),
  }
}

/** Every procedure of the control plane, as the protocol's table names them. */
export const appRouter = router({
  server: router({
    info: publicProcedure
      .input(NoInput)
      .output(ServerInfo)
      .query(({ ctx }) => serverInfo(ctx.deps)),
  }),
  identity: mergeRouters(identityRouter, deregistrationRouter),
  registry: registryRouter,
  heartbeat: heartbeatRouter,
  discovery: discoveryRouter,
  tasks: tasksRouter,
  review: reviewRouter,
  settlement: settlementRouter,
  events: eventsRouter,
  relayTokens: relayTokensRouter,
  operators: operatorsRouter,
})
