import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refusal } from '../errors.ts'
import { isBodyCut } from './read-body.ts'
import { errorBody } from './wire-error.ts'

/** A peer that was answered before it had sent its whole body may go on sending this long: cut at once, it would lose the answer. */
const LINGER_MS = 1_000

/** An answer, ready to send. */
export interface Reply {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** The answer of a procedure, as the tRPC wire has it. */
export function resultReply(data: unknown): Reply {
  return { status: 200, body: JSON.stringify({ result: { data } }), headers: JSON_TYPE }
}

export function jsonReply(status: number, value: object): Reply {
  return { status, body: JSON.stringify(value), headers: JSON_TYPE }
}

/** The answer to what was refused; a wait is told in whole seconds too, and a 401 says what it asks for, as HTTP has it. */
export function refusalReply(refusal: Refusal, requestId: string): Reply {
  const { status, retryAfterMs } = refusal
  const retryAfter = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {}
  return { status, body: errorBody(refusal, requestId), headers: { ...JSON_TYPE, ...retryAfter, ...challenge } }
}

/** Headers that every answer carries. */
export function commonHeaders(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
}

interface Sending {
  readonly request: IncomingMessage
  readonly requestId: string
  /** Headers besides those of the reply. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether this is the last answer on its connection. */
  readonly isLast: boolean
}

/** Send an answer. One that comes before the end of the body ends the connection, once the peer had time to read it. */
export function sendReply(response: ServerResponse, reply: Reply, { request, requestId, headers, isLast }: Sending): void {
  if (response.destroyed) return
  const { status, body } = reply
  const isCut = isBodyCut(request)
  const sent: Record<string, string | number> = Object.assign(commonHeaders(requestId), reply.headers, headers)
  sent['content-length'] = Buffer.byteLength(body)
  if (isLast || isCut) sent.connection = 'close'
  response.writeHead(status, sent)
  if (isCut) lingerAfter(request, response, body)
  else response.end(body)
}

function lingerAfter(request: IncomingMessage, response: ServerResponse, body: string): void {
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  response.write(body)
  request.once('close', end)
  request.once('end', end)
  request.resume()
}
