import type { Agent, IncomingMessage } from 'node:http'
import { CliError } from '../agent/cli-error.ts'

/** More than any answer of the platform: a page of 100 assignments with cards is under 1 MiB. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024

interface HttpRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * One request whose answer is JSON, over node:http: a process that makes a single call starts 80 ms sooner than with undici (measured),
 * and a redirect has no way to be followed.
 *
 * @throws CliError `unreachable` if no whole answer came; `bad_answer` if what came is not JSON, is a redirect or longer than 4 MiB.
 */
export type JsonFetch = (url: string, request: HttpRequest) => Promise<unknown>

/** Make a `JsonFetch` whose connections are kept for the next request; idle ones do not hold the process. */
export function createJsonFetch(): JsonFetch {
  const agents = new Map<string, Agent>()
  return async (url, request) => {
    const target = new URL(url)
    const http = moduleFor(target)
    const agent = agents.get(target.protocol) ?? new http.Agent({ keepAlive: true })
    agents.set(target.protocol, agent)
    const answer = await send(target, request, agent)
    const body = await read(answer)
    const status = answer.statusCode ?? 0
    if (status >= 300 && status < 400)
      throw new CliError('bad_answer', `${target.origin} redirects (${status}), which is never followed`)
    const json = parse(body)
    if (json === undefined)
      throw new CliError('bad_answer', `${target.origin} answered ${status}, but not as Agent Marketplace does`)
    return json
  }
}

/** Not by `import`: that reads every export of node:http, one of which loads all of undici (30 ms of every command, measured). */
function moduleFor({ protocol }: URL): typeof import('node:https') | typeof import('node:http') {
  return protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
}

function send(target: URL, { method, headers, body, signal }: HttpRequest, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const options = { method, agent, signal, headers: { accept: 'application/json', ...headers, ...length } }
    const request = moduleFor(target).request(target, options, resolve)
    request.on('error', (error) => reject(inWords(target, error)))
    request.end(body)
  })
}

async function read(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) throw new CliError('bad_answer', 'the answer is longer than any of the platform')
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof CliError || isAbort(error)
      ? error
      : new CliError('unreachable', 'the connection broke before the answer was whole', { cause: error })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'it does not answer',
  EAI_AGAIN: 'its name cannot be looked up right now',
  ENOTFOUND: 'no host has this name',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EPROTO: 'it does not speak TLS',
}

/** What goes away by waiting is `unreachable`; a certificate that is not trusted does not. */
function inWords(target: URL, error: Error & { code?: string }): Error {
  if (isAbort(error)) return error
  const { code = '' } = error
  const isTls = code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT') || code.includes('SIGNATURE')
  if (isTls)
    return new CliError('bad_answer', `${target.origin} shows a certificate that is not trusted (${code})`, { cause: error })
  return new CliError('unreachable', `cannot reach ${target.origin}: ${REASONS[code] ?? (code || 'the request failed')}`, {
    cause: error,
  })
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}
