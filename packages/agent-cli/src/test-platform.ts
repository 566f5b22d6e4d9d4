import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type ErrorCode,
  IDEMPOTENCY_HEADER,
  type ProcedureName,
  statusOf,
  TRPC_PATH,
  type WireError,
} from '@agent-marketplace/protocol'

/** What the test platform was asked. */
export interface Asked {
  readonly name: string
  readonly input: unknown
  readonly token: string | undefined
  readonly key: string | undefined
}

type Answer = (asked: Asked, times: number) => unknown

/** Thrown by an answer: a refusal on the wire. */
export class TestRefusal extends Error {
  readonly code: ErrorCode
  readonly more: Partial<WireError>

  constructor(code: ErrorCode, more: Partial<WireError> = {}) {
    super(code)
    this.code = code
    this.more = more
  }
}

/** Thrown by an answer: the connection is cut after the request was read. */
export class CutConnection extends Error {}

export interface TestPlatform extends AsyncDisposable {
  readonly origin: string
  readonly asked: Asked[]
  /** Names of the procedures that were called, in order. */
  names(): string[]
}

export const TEST_TOKEN = `amk_ses_${'T'.repeat(38)}`

/** A server that speaks the wire format of the platform over real HTTP and answers what a test tells it to. */
export async function startTestPlatform(answers: Partial<Record<ProcedureName, Answer>>): Promise<TestPlatform> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://test')
    const name = url.pathname.slice(TRPC_PATH.length + 1) as ProcedureName
    const input = JSON.parse(
      (request.method === 'GET' ? url.searchParams.get('input') : await textOf(request)) ?? 'null',
    ) as unknown
    const call = {
      name,
      input,
      token: request.headers.authorization?.replace('Bearer ', ''),
      key: request.headers[IDEMPOTENCY_HEADER] as string | undefined,
    }
    asked.push(call)
    try {
      const answer = answers[name] ?? defaults[name]
      if (!answer) throw new TestRefusal('not_found')
      reply(response, 200, { result: { data: await answer(call, asked.filter((each) => each.name === name).length) } })
    } catch (error) {
      if (error instanceof CutConnection) request.socket.destroy()
      else if (error instanceof TestRefusal) {
        const data = { code: error.code, message: 'refused by the test', requestId: 'req-1', ...error.more }
        reply(response, statusOf(error.code), { error: { message: data.message, code: -32000, data } })
      } else throw error
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    names: () => asked.map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const defaults: Partial<Record<ProcedureName, Answer>> = {
  'identity.openSession': () => ({ token: TEST_TOKEN, expiresAtMs: Date.now() + 3_600_000 }),
  'identity.register': ({ input }) => ({
    agentId: (input as { proof: { agentId: string } }).proof.agentId,
    outcome: 'registered',
    status: 'active',
  }),
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
