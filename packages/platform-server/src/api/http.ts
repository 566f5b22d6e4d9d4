import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorCode } from '@agent-marketplace/protocol'
import type { AnyTRPCRouter } from '@trpc/server'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { createCaller, type Exchange, requireMethod } from './call.ts'
import { answerClientError, answerSocket } from './client-error.ts'
import { InFlight } from './in-flight.ts'
import { createMetrics } from './metrics.ts'
import { createPlainRoutes } from './plain-routes.ts'
import { createRateLimits } from './rate-limit.ts'
import { readTarget } from './read-call.ts'
import { type Reply, refusalReply, resultReply, sendReply } from './reply.ts'
import { createAddressFinder } from './trusted-proxies.ts'
import { FAULT, findRefusal } from './wire-error.ts'

/** What one peer may take of the server's time and memory. */
export interface HttpLimits {
  readonly headerBytesMax: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly connectionsCheckMs: number
  readonly connectionsMax: number
  readonly keepAliveMs: number
}

const HTTP_LIMITS: HttpLimits = {
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  connectionsCheckMs: 1_000,
  connectionsMax: 1_000,
  keepAliveMs: 30_000,
}
/** A connection on which nothing moves is cut; longer than the longest poll. */
const SILENCE_MAX_MS = 120_000
/** While the server stops, connections that wait to be accepted and then requests that are on their way have this long to get through. */
const STOP_GRACE_MS = 100
const STOP_MAX_MS = 9_000

export interface ControlServerOptions {
  readonly router: AnyTRPCRouter
  readonly deps: Deps
  readonly rateLimits: 'on' | 'off'
  /** Whose word about where a call comes from is taken; nobody's unless it is said. */
  readonly trustedProxies?: readonly string[]
  readonly limits?: Partial<HttpLimits>
}

export interface ControlServer {
  /** Not listening yet. */
  readonly server: Server
  /** Answer what is under way or on its way, accept no more connections, and close all of them after at most 10 s. */
  drain(): Promise<void>
}

/**
 * Make the listener of the control plane: the tRPC wire over `node:http`, one call a request.
 * It answers every request with a body of our own shape; a fault is logged and told as its request id only.
 */
export function createControlServer({
  router,
  deps,
  rateLimits,
  trustedProxies = [],
  limits,
}: ControlServerOptions): ControlServer {
  const { headerBytesMax, headersTimeoutMs, requestTimeoutMs, connectionsCheckMs, connectionsMax, keepAliveMs } = {
    ...HTTP_LIMITS,
    ...limits,
  }
  const { db, monotonic, log } = deps
  const server = createServer({
    maxHeaderSize: headerBytesMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: connectionsCheckMs,
    keepAliveTimeout: keepAliveMs,
    requireHostHeader: false,
    optimizeEmptyRequests: true,
  })
  server.maxConnections = connectionsMax
  // Headers beyond a count would be dropped unseen; their bytes are limited already.
  server.maxHeadersCount = 0
  server.timeout = SILENCE_MAX_MS

  const inFlight = new InFlight()
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count ?? 0)))
  const metrics = createMetrics({ requests: () => inFlight.count, connections })
  const plainRoutes = createPlainRoutes({ db, monotonic, metrics, isStopping: () => inFlight.isStopping })
  const rates = rateLimits === 'on' ? createRateLimits(monotonic) : undefined
  const call = createCaller({
    router,
    deps,
    rates,
    findAddress: createAddressFinder(trustedProxies),
    beatsWaitingMax: connectionsMax / 2,
  })

  async function answer(exchange: Exchange): Promise<Reply> {
    const route = plainRoutes.get(exchange.target.path)
    if (!route) return resultReply(await call(exchange))
    requireMethod(exchange, ['GET', 'HEAD'])
    return route()
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now()
    const requestId = randomUUID()
    const exchange: Exchange = {
      request,
      target: readTarget(request),
      requestId,
      signal: () => inFlight.signalFor(response),
      headers: {},
    }
    inFlight.add(response)
    let code: ErrorCode | 'ok' = 'ok'
    const reply = await answer(exchange).catch((error: unknown) => {
      const refusal = findRefusal(error) ?? FAULT
      code = refusal.code
      const fields = { requestId, code, status: refusal.status, ...(exchange.procedure && { procedure: exchange.procedure }) }
      if (refusal === FAULT) log.error('fault', { ...fields, stack: stackOf(error) })
      else log.debug('refused', fields)
      return refusalReply(refusal, requestId)
    })
    sendReply(response, reply, { ...exchange, isLast: inFlight.isStopping })
    metrics.countAnswer({ procedure: exchange.procedure, code, seconds: (performance.now() - startedAt) / 1_000 })
  }
  const listen = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error: unknown) => {
      log.error('fault', { stack: stackOf(error) })
      response.destroy()
    })
  }

  server.on('request', listen)
  // What a peer expects of us besides is ignored.
  server.on('checkExpectation', listen)
  server.on('connect', (_, socket) =>
    answerSocket(socket as Socket, new Refusal('method_not_allowed', 'this is no proxy'), randomUUID()),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerClientError(error, socket as Socket, { requestId: randomUUID(), pending: inFlight.on(socket) })
  })

  return {
    server,
    async drain() {
      inFlight.stop()
      deps.beatLine.end()
      // Closing the listener resets what waits in its queue, and the close of an HTTP server cuts connections on which a request is just arriving.
      await sleep(STOP_GRACE_MS)
      NetServer.prototype.close.call(server)
      await sleep(STOP_GRACE_MS)
      await inFlight.none(STOP_MAX_MS)
      server.closeAllConnections()
    },
  }
}

/** The stack of what went wrong first: tRPC wraps what a procedure throws. */
function stackOf(error: unknown): string {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return origin instanceof Error ? (origin.stack ?? origin.message) : 'something that is no error was thrown'
}
