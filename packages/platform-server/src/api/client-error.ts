import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Refusal } from '../errors.ts'
import { commonHeaders, refusalReply } from './reply.ts'

/** A peer that sends what is not HTTP may go on this long: cut at once, it would lose the answer. */
const LINGER_MS = 1_000

/**
 * Answer bytes that are not a request, or not a whole one in time.
 *
 * @param pending - The response that is under way on the same connection: what was asked before is answered first, and then there is no answer for the rest.
 */
export function answerClientError(
  { code }: NodeJS.ErrnoException,
  socket: Socket,
  { requestId, pending }: { requestId: string; pending: ServerResponse | undefined },
): void {
  if (code === 'ECONNRESET' || socket.destroyed) socket.destroy()
  else if (pending && (pending.headersSent || pending.req.complete)) pending.once('close', () => socket.destroy())
  else if (socket.writable) answerSocket(socket, refuseClientError(code), requestId)
}

function refuseClientError(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal('headers_too_large', 'the headers are too large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal('request_timeout', 'the request took too long to arrive')
  return new Refusal('invalid_input', 'this is not an HTTP request')
}

/** Answer on a connection that has no request to answer, in the form of every other refusal, and hang up. */
export function answerSocket(socket: Socket, refusal: Refusal, requestId: string): void {
  const { status, body, headers } = refusalReply(refusal, requestId)
  const lines = Object.entries({
    ...commonHeaders(requestId),
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  // Node takes its own listener away when a tunnel is asked for; a reset that nobody listens for would end the process.
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}
