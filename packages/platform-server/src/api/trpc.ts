import { initTRPC } from '@trpc/server'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { authenticate, type Caller } from './authenticate.ts'
import type { AgentRate } from './rate-limit.ts'

/** Counts a call against its rate. Both throw Refusal `rate_limited`. */
export interface CallCount {
  forAgent(agentId: string, kind: AgentRate): void
  /** A call that authenticates nobody, whatever session it brings along. */
  forStranger(): void
}

/** What the transport knows of one request. */
export interface RequestFacts {
  readonly requestId: string
  /** The session token of the `Authorization` header, unverified. */
  readonly token: string | undefined
  readonly idempotencyKey: string | undefined
  /** Aborted when the caller hangs up or the server stops. */
  readonly signal: AbortSignal
  /** Absent where calls are not counted. */
  readonly count?: CallCount | undefined
}

export interface Context {
  readonly deps: Deps
  readonly request: RequestFacts
}

const t = initTRPC.context<Context>().create()

export const { router, mergeRouters } = t

/** Anybody may call. */
export const publicProcedure = t.procedure.use(({ ctx, next }) => {
  ctx.request.count?.forStranger()
  return next()
})

const authenticated = t.middleware(async ({ ctx, type, path, next }) => {
  const caller = await authenticate(ctx.deps, ctx.request.token)
  ctx.request.count?.forAgent(caller.agentId, type === 'query' ? 'read' : path === 'heartbeat.beat' ? 'beat' : 'mutation')
  return next({ ctx: { caller } })
})

const agentProcedure = t.procedure.use(authenticated)

/** A registered agent reads; suspended and pending agents keep their reads. */
export const agentQuery = agentProcedure

const activeProcedure = agentProcedure.use(({ ctx, next }) => {
  refuseInactive(ctx.caller)
  return next()
})

/** A registered, approved agent changes something: carries an idempotency key. */
export const agentMutation = activeProcedure.use(({ ctx, path, next }) => {
  return next({ ctx: { call: callOf(ctx.caller, path, ctx.request) } })
})

/** A sign of life; no idempotency key, since it may come twice without harm. Under overload the transport turns it away before it gets here. */
export const agentBeat = activeProcedure

/** Who runs the platform looks something up. */
export const operatorQuery = agentProcedure.use(({ ctx, next }) => {
  refuseOthers(ctx.caller)
  return next()
})

/** Who runs the platform changes something. */
export const operatorMutation = activeProcedure.use(({ ctx, path, next }) => {
  refuseOthers(ctx.caller)
  return next({ ctx: { call: callOf(ctx.caller, path, ctx.request) } })
})

/** A mutation whose caller proves himself in the input. The idempotency key is scoped to the agent that the input names. */
export const provenMutation = publicProcedure.use(({ ctx, path, next }) =>
  next({ ctx: { procedure: path, key: requireKey(ctx.request) } }),
)

function callOf(caller: Caller, procedure: string, request: RequestFacts): { callerId: string; procedure: string; key: string } {
  return { callerId: caller.agentId, procedure, key: requireKey(request) }
}

function requireKey(request: RequestFacts): string {
  if (request.idempotencyKey === undefined)
    throw new Refusal('idempotency_key_missing', 'a mutation needs an Idempotency-Key header')
  return request.idempotencyKey
}

function refuseInactive(caller: Caller): void {
  if (caller.status === 'suspended') throw new Refusal('agent_suspended', 'this agent is suspended')
  if (caller.status === 'pending') throw new Refusal('agent_pending', 'this agent waits for the approval of an operator')
}

function refuseOthers(caller: Caller): void {
  if (caller.role !== 'operator') throw new Refusal('forbidden', 'only an operator may do this')
}
