import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { IDEMPOTENCY_HEADER, type ProcedureName, procedures, TRPC_PATH } from '@agent-marketplace/protocol'

/** What a server answered: the data of a reply, or the error. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what is replied is checked field by field by whoever reads it
  readonly data?: any
  readonly code?: string
  readonly retryAfterMs?: number
}

/** Calls of one server over connections that stay open. */
export class HttpCaller implements Disposable {
  readonly #origin: string
  readonly #agent: Agent
  /** How long each call took, in milliseconds, in the order of the answers. */
  readonly tookMs: number[] = []

  constructor(origin: string, connections: number) {
    this.#origin = origin
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Call a procedure, as whoever this token stands for. */
  async call(name: ProcedureName, input: object, token: string): Promise<Answer> {
    const isQuery = procedures[name].type === 'query'
    const body = JSON.stringify(input)
    const path = `${TRPC_PATH}/${name}${isQuery ? `?input=${encodeURIComponent(body)}` : ''}`
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const startedAt = performance.now()
    const call = request(
      `${this.#origin}${path}`,
      {
        agent: this.#agent,
        method: isQuery ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(!isQuery && { 'content-type': 'application/json', [IDEMPOTENCY_HEADER]: randomUUID() }),
        },
      },
      (response) => {
        text(response).then((said) => {
          this.tookMs.push(performance.now() - startedAt)
          resolve(read(response.statusCode ?? 0, said))
        }, reject)
      },
    )
    call.once('error', reject)
    call.end(isQuery ? undefined : body)
    return promise
  }

  /** @throws Error for an answer that is no success: then what is measured or counted is not what was meant. */
  // biome-ignore lint/suspicious/noExplicitAny: what is replied is checked field by field by whoever reads it
  async get(name: ProcedureName, input: object, token: string): Promise<any> {
    const { status, data, code } = await this.call(name, input, token)
    if (status !== 200) throw new Error(`${name} was answered ${status} ${code}`)
    return data
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

function read(status: number, said: string): Answer {
  const { result, error } = JSON.parse(said)
  return {
    status,
    data: result?.data,
    ...(error && { code: error.data?.code ?? error.code, retryAfterMs: error.data?.retryAfterMs }),
  }
}
