import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ErrorCode, releaseBytes, statusOf } from '@agent-marketplace/protocol'
import { transferMaxMs } from './rules.ts'

/** A peer that was refused may go on sending this long, so that it reads the refusal before the connection is cut. */
const LINGER_MS = 2_000

/** How long caches between the relay and its listeners may keep a page of the feed: what has expired must be gone from them within a minute. */
const CACHED_S = 60

/** What the relay says. No dates, no request ids: equal answers are equal bytes. */
export interface Answer {
  readonly status: number
  readonly type?: 'application/json' | 'application/octet-stream'
  readonly body?: Uint8Array | { readonly stream: Readable; readonly bytes: number }
  readonly allow?: string
  /** Whether it holds for everybody for a minute. */
  readonly isCacheable?: boolean
}

export const NO_CONTENT: Answer = { status: 204 }

/** The answer for a refusal: its code and nothing else. */
export function refusalAnswer(code: ErrorCode): Answer {
  return jsonAnswer(statusOf(code), { code })
}

export function jsonAnswer(status: number, value: object): Answer {
  return { status, type: 'application/json', body: Buffer.from(JSON.stringify(value)) }
}

export function bytesAnswer(body: Required<Answer>['body']): Answer {
  return { status: 200, type: 'application/octet-stream', body }
}

/** Send an answer, and do not wait for ever: neither for a peer that reads slowly, nor for one that goes on sending what nobody reads. */
export async function sendAnswer(req: IncomingMessage, res: ServerResponse, answer: Answer, isLast: boolean): Promise<void> {
  const { status, type, body, allow, isCacheable } = answer
  res.sendDate = false
  if (isLast) res.shouldKeepAlive = false
  const bytes = body instanceof Uint8Array ? body.length : body?.bytes
  res.writeHead(status, {
    'cache-control': isCacheable ? `public, max-age=${CACHED_S}` : 'no-store',
    'x-content-type-options': 'nosniff',
    ...(type && { 'content-type': type }),
    ...(allow && { allow }),
    ...(bytes !== undefined && { 'content-length': bytes }),
  })
  if (body === undefined || body instanceof Uint8Array) {
    if (body) res.write(body)
    await letFinish(req)
    res.end()
    return
  }
  await pipeline(body.stream, intoAnswer(res), { signal: AbortSignal.timeout(transferMaxMs(body.bytes)) })
}

/** What has gone to the connection is read by nobody again. */
function intoAnswer(res: ServerResponse): Writable {
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      res.write(chunk, (error) => {
        releaseBytes(chunk)
        done(error)
      })
    },
    final(done) {
      res.end(done)
    },
  })
  res.once('close', () => sink.destroy())
  return sink
}

/**
 * Read and forget what a refused peer still sends. Closing before that would reset the connection, and the answer could be lost with it;
 * the peer has the whole answer already, by its length.
 */
async function letFinish(req: IncomingMessage): Promise<void> {
  if (req.complete || req.destroyed) return
  const ended = new Promise((resolve) => req.once('close', resolve).once('end', resolve))
  req.resume()
  const timer = setTimeout(() => req.socket.destroy(), LINGER_MS)
  await ended
  clearTimeout(timer)
}
