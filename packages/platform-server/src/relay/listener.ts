import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, SIZE_CLASSES, statusOf } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import { type Answer, refusalAnswer, sendAnswer } from './answer.ts'
import { transferMaxMs } from './rules.ts'

const HEADER_BYTES_MAX = 8 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** The backstop for a whole request; each body has a limit of its own, by its size. */
const REQUEST_TIMEOUT_MS = transferMaxMs(Math.max(...SIZE_CLASSES)) + HEADERS_TIMEOUT_MS
const CONNECTIONS_CHECK_MS = 1_000
/** Well below the file descriptors a process may have: each connection costs one, and a transfer one more. */
const CONNECTIONS_MAX = 4_096

type Respond = (req: IncomingMessage, res: ServerResponse) => Promise<Answer>

/**
 * Make the listener of the anonymous plane. It writes no log of requests; a fault is told to `onFault` without anything of the request.
 *
 * @param respond - Finds the answer; a Refusal it throws becomes one.
 */
export function createListener(
  respond: Respond,
  onFault: (error: unknown) => void,
): { server: Server; idle: () => Promise<void> } {
  const running = new Set<Promise<void>>()
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  })
  server.maxConnections = CONNECTIONS_MAX
  // Headers beyond a count would be dropped unseen; their bytes are limited already.
  server.maxHeadersCount = 0

  const serve = (req: IncomingMessage, res: ServerResponse) => {
    const task = serveOne(req, res).finally(() => running.delete(task))
    running.add(task)
  }
  async function serveOne(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const answer = await respond(req, res).catch((error: unknown) => answerFor(error, req, onFault))
      await sendAnswer(req, res, answer, !server.listening)
    } catch {
      // The peer is gone or too slow; there is nobody to tell.
      res.destroy()
    }
  }

  server.on('request', serve)
  server.on('checkContinue', serve)
  server.on('clientError', refuseMalformed)
  return { server, idle: async () => void (await Promise.allSettled(running)) }
}

function answerFor(error: unknown, req: IncomingMessage, onFault: (error: unknown) => void): Answer {
  if (error instanceof Refusal) return refusalAnswer(error.code)
  if (!req.destroyed) onFault(error)
  return refusalAnswer('fault')
}

/** Answer what is not HTTP, in the same form as every other refusal, and hang up. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = codeOfMalformed(error.code)
  const status = statusOf(code)
  const body = JSON.stringify({ code })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function codeOfMalformed(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'invalid_input'
}
