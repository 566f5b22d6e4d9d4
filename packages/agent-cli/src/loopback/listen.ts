import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { usage } from '../agent/cli-error.ts'

/** Names under which a program of this machine reaches it; a page of another site that points its name at 127.0.0.1 sends that name. */
const HOSTS = ['127.0.0.1', 'localhost', '[::1]']
const ADDRESS = /^(127\.0\.0\.1|localhost|\[::1\]):([0-9]{1,5})$/
const PORT_MAX = 65_535
const HEADERS_TIMEOUT_MS = 10_000

/** Answers one request. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => unknown

export interface Listening extends AsyncDisposable {
  readonly url: string
}

/**
 * Listen for programs of this machine. Three things keep everybody else out: the address is a loopback one; a request must carry the secret
 * (`Authorization: Bearer`), which other users cannot read; its Host must be this machine and it must come from no web page (no Origin), so that a browser
 * cannot be made to send it.
 *
 * @param options.address - `HOST:PORT`; port 0 takes a free one.
 * @param options.path - The one path that is served.
 * @throws CliError `usage` if it is not a loopback address, or in use.
 */
export async function listenOnLoopback(options: {
  readonly address: string
  readonly secret: string
  readonly path: string
  readonly serve: Serve
}): Promise<Listening> {
  const { host, port } = parseAddress(options.address)
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, (request, response) => {
    const refusal = refuse(request, options)
    if (refusal) response.writeHead(refusal.status, { 'content-type': 'application/json', ...refusal.headers }).end(refusal.body)
    else options.serve(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(usage(`cannot listen on ${options.address}: ${error.code}`)))
    server.listen(port, host, resolve)
  })
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host === '::1' ? '[::1]' : '127.0.0.1'}:${taken}${options.path}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const [, host, port] = ADDRESS.exec(address) ?? []
  if (host === undefined || Number(port) > PORT_MAX)
    throw usage('this listens on the machine itself only', 'HOST:PORT with 127.0.0.1, localhost or [::1]')
  return { host: host === '[::1]' ? '::1' : '127.0.0.1', port: Number(port) }
}

interface Refused {
  readonly status: number
  readonly body: string
  readonly headers?: Record<string, string>
}

function refuse({ headers, url }: IncomingMessage, { secret, path }: { secret: string; path: string }): Refused | undefined {
  if (!HOSTS.includes((headers.host ?? '').replace(/:[0-9]+$/, '')))
    return refused(403, 'forbidden', 'this is not the host you meant')
  if (headers.origin !== undefined) return refused(403, 'forbidden', 'web pages are not served')
  if (!isSame(headers.authorization ?? '', `Bearer ${secret}`))
    return { ...refused(401, 'unauthenticated', 'the secret is missing or wrong'), headers: { 'www-authenticate': 'Bearer' } }
  return url === path ? undefined : refused(404, 'not_found', 'there is nothing here')
}

function refused(status: number, code: string, message: string): Refused {
  return { status, body: JSON.stringify({ error: { code, message } }) }
}

/** In the same time whatever the difference. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
