import type { IncomingMessage } from 'node:http'
import { BODY_BYTES_MAX } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Whether a body follows the headers of a request. */
export function bodyFollows(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || declaredBytes(request) > 0
}

/** Whether the end of a body is still to come that nobody will read: its length is unknown, or more than we take. */
export function isBodyCut(request: IncomingMessage): boolean {
  return !request.complete && (request.headers['transfer-encoding'] !== undefined || declaredBytes(request) > BODY_BYTES_MAX)
}

function declaredBytes({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0)
}

/**
 * Read a body to its end, at most `BODY_BYTES_MAX` bytes of it: what is longer is refused at its length header, or while it arrives.
 *
 * @throws Refusal `too_large`; `request_timeout` when the peer hangs up before the end.
 */
export function readBody(request: IncomingMessage): Promise<Uint8Array> {
  if (declaredBytes(request) > BODY_BYTES_MAX) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const onData = (chunk: Uint8Array) => {
      size += chunk.length
      chunks.push(chunk)
      if (size <= BODY_BYTES_MAX) return
      request.off('data', onData)
      reject(tooLarge())
    }
    // Every request closes in the end: after a whole body nothing is made of it, least of all an error with its stack.
    const onCut = () => {
      if (!request.complete) reject(new Refusal('request_timeout', 'the request ended before its body'))
    }
    request.on('data', onData)
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.once('error', onCut)
    request.once('close', onCut)
  })
}

/** @throws Refusal `invalid_input` for bytes that are not UTF-8; a byte order mark stays in the text, where JSON does not allow it. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Refusal('invalid_input', 'the body is not UTF-8')
  }
}

function tooLarge(): Refusal {
  return new Refusal('too_large', `a body has at most ${BODY_BYTES_MAX} bytes`)
}
