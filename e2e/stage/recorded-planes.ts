import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SentRequest } from '../../packages/agent-cli/src/audit/read-requests.ts'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'

/** One plane, seen from between its clients and its server. */
export interface RecordedPlane extends AsyncDisposable {
  /** Where clients go. */
  readonly origin: string
  /** `host:port` where the server is to listen. */
  readonly listen: string
  readonly requests: SentRequest[]
  /** Heads and bodies of all answers. */
  readonly answers: Buffer[]
}

/** Stand between clients and a server that is about to listen on a free port of its own, and write down all that passes. */
export async function recordPlane(): Promise<RecordedPlane> {
  const port = await findFreePort()
  const requests: SentRequest[] = []
  const answers: Buffer[] = []
  const server: Server = createServer((incoming, outgoing) => {
    void bodyOf(incoming).then((body) => {
      const { method = '', url = '', rawHeaders } = incoming
      requests.push({ method, path: url, headers: pairs(rawHeaders), body })
    })
    const forward = request({ host: '127.0.0.1', port, path: incoming.url, method: incoming.method, headers: incoming.headers })
    forward.on('response', (answer) => {
      answers.push(Buffer.from(`${answer.statusCode}\n${answer.rawHeaders.join('\n')}\n`))
      answer.on('data', (chunk: Buffer) => answers.push(chunk))
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    forward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forward.destroy())
    incoming.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    listen: `127.0.0.1:${port}`,
    requests,
    answers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? '']] : []))
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  } catch {
    // Cut: what came is what was seen.
  }
  return Buffer.concat(chunks)
}
