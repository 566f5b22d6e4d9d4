import type { IncomingMessage } from 'node:http'
import type { ProcedureName } from '@agent-marketplace/protocol'
import type { AnyTRPCRouter } from '@trpc/server'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { turnAway } from '../heartbeat/operations.ts'
import { CallGate } from './call-gate.ts'
import { clientKey } from './client-address.ts'
import { Meter } from './meter.ts'
import { listProcedures } from './procedures.ts'
import type { RateLimits } from './rate-limit.ts'
import {
  readIdempotencyKey,
  readMutationInput,
  readProcedure,
  readQueryInput,
  readToken,
  refuseAmbiguousHeaders,
  type Target,
} from './read-call.ts'
import type { CallCount, RequestFacts } from './trpc.ts'
import type { createAddressFinder, Sender } from './trusted-proxies.ts'
import { findRefusal } from './wire-error.ts'

/** One request on its way to an answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly target: Target
  readonly requestId: string
  /** @returns a signal that aborts when the caller hangs up or the server stops. */
  readonly signal: () => AbortSignal
  /** Headers that the answer carries besides the common ones, whatever it is. */
  readonly headers: Record<string, string>
  /** The procedure it reached, for the log and the metrics. */
  procedure?: string
}

const BEAT = 'heartbeat.beat' satisfies ProcedureName
/** Another process takes the call by then, or the next one has started. */
const STOP_RETRY_AFTER_MS = 1_000
const METHODS = { query: 'GET', mutation: 'POST' } as const

interface Callee {
  readonly router: AnyTRPCRouter
  readonly deps: Deps
  readonly rates: RateLimits | undefined
  readonly findAddress: ReturnType<typeof createAddressFinder>
  /** Connections on which a beat may wait: the others are for other calls. */
  readonly beatsWaitingMax: number
}

/**
 * Make the function that carries a request to a procedure of the router.
 * It returns what the procedure returns and throws what it throws, or a Refusal for a request that does not get there.
 */
export function createCaller({
  router,
  deps,
  rates,
  findAddress,
  beatsWaitingMax,
}: Callee): (exchange: Exchange) => Promise<unknown> {
  const procedures = listProcedures(router)
  const gate = new CallGate()
  return async (exchange) => {
    const { request, target, headers } = exchange
    const name = readProcedure(target.path)
    const procedure = name === undefined ? undefined : procedures.get(name)
    if (name === undefined || procedure === undefined) throw notFound('procedure')
    exchange.procedure = name
    requireMethod(exchange, [METHODS[procedure.type]])
    refuseAmbiguousHeaders(request)

    const token = readToken(request)
    const meter = rates && new Meter(rates, { address: clientKey(findAddress(senderOf(request))), token, headers })
    const isBeat = name === BEAT
    if (isBeat) await standInLine(exchange)
    const idempotencyKey = readIdempotencyKey(request)
    const input = await (procedure.type === 'query'
      ? readQueryInput(request, target.search)
      : readMutationInput(request, target.search))
    // Not before the input is there: a peer that is slow takes no place from others.
    const leave = gate.enter(name, procedure.type)
    if (isBeat) deps.beatLine.enter()
    try {
      return await procedure.run({ deps, request: new Facts(exchange, { token, idempotencyKey, count: meter }) }, input)
    } catch (error) {
      if (isRejection(error)) meter?.noteRejected()
      throw error
    } finally {
      leave()
      if (isBeat) deps.beatLine.leave()
    }
  }

  /**
   * Stand in line with a beat of which nothing but the head was read; meanwhile nothing more is read from its connection.
   *
   * @throws Refusal `overloaded`; `shutting_down` for who is still held when the server stops.
   */
  async function standInLine({ request: { socket }, headers }: Exchange): Promise<void> {
    if (deps.beatLine.heldCount >= beatsWaitingMax) {
      headers.connection = 'close'
      throw turnAway(deps)
    }
    const turn = deps.beatLine.join()
    if (turn === true) return
    // Not at once: the end of the request that has just arrived starts the reading of the next.
    const pausing = setImmediate(() => socket.pause())
    const isIn = await turn
    clearImmediate(pausing)
    socket.resume()
    if (!isIn) throw deps.beatLine.isOver ? stopping() : turnAway(deps)
  }
}

function stopping(): Refusal {
  return new Refusal('shutting_down', 'this server stops', { retryAfterMs: STOP_RETRY_AFTER_MS })
}

function senderOf(request: IncomingMessage): Sender {
  return { peer: request.socket.remoteAddress, forwardedFor: () => request.headersDistinct['x-forwarded-for'] }
}

class Facts implements RequestFacts {
  readonly requestId: string
  readonly token: string | undefined
  readonly idempotencyKey: string | undefined
  readonly count: CallCount | undefined
  readonly #exchange: Exchange

  constructor(exchange: Exchange, { token, idempotencyKey, count }: Pick<RequestFacts, 'token' | 'idempotencyKey' | 'count'>) {
    this.#exchange = exchange
    this.requestId = exchange.requestId
    this.token = token
    this.idempotencyKey = idempotencyKey
    this.count = count
  }

  /** Made on demand: most calls never look at it. */
  get signal(): AbortSignal {
    return this.#exchange.signal()
  }
}

/** @throws Refusal `method_not_allowed`, naming the allowed ones in the `Allow` header. */
export function requireMethod({ request, headers }: Exchange, allowed: readonly string[]): void {
  if (allowed.includes(request.method ?? '')) return
  headers.allow = allowed.join(', ')
  throw new Refusal('method_not_allowed', `this is called with ${headers.allow}`)
}

/** Whether the session of a call was not accepted. */
function isRejection(error: unknown): boolean {
  const code = findRefusal(error)?.code
  return code === 'unauthenticated' || code === 'session_expired'
}
