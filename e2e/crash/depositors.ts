import { Agent, request } from 'node:http'
import { IDEMPOTENCY_HEADER, TRPC_PATH } from '@agent-marketplace/protocol'

export const AMOUNT = '1'
const BODY = JSON.stringify({ amount: AMOUNT })

/** What became of a deposit: the status of its answer, or that its connection broke before there was one. */
type Outcome = { readonly status: number } | { readonly broke: true; readonly wasAnsweredBefore: boolean } | 'unreachable'

/** Clients that deposit one credit after the other, each over a connection of its own, until nobody listens any more. */
export class Depositors {
  /** Keys of deposits that were answered as done. */
  readonly answered: string[] = []
  /** Answers that were none of these, by status. */
  readonly refused: number[] = []
  /** Keys of deposits that were sent and not answered. */
  readonly unanswered: string[] = []
  /** … over a connection on which the server had answered before: it had accepted that one. */
  readonly dropped: string[] = []
  readonly ended: Promise<unknown>
  readonly #port: number
  readonly #token: string

  /** @param word - Begins their keys, so that those of several runs differ. */
  constructor(count: number, { port, token, word }: { port: number; token: string; word: string }) {
    this.#port = port
    this.#token = token
    this.ended = Promise.all(Array.from({ length: count }, (_, client) => this.#work(`${word}-${client}`)))
  }

  async untilAnswered(count: number): Promise<void> {
    while (this.answered.length < count) await new Promise(setImmediate)
  }

  async #work(word: string): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let next = 0; ; next++) {
      const key = `${word}-${next}`
      const outcome = await deposit(key, { agent, port: this.#port, token: this.#token })
      if (outcome === 'unreachable') return agent.destroy()
      if ('broke' in outcome) {
        this.unanswered.push(key)
        if (outcome.wasAnsweredBefore) this.dropped.push(key)
      } else if (outcome.status === 200) this.answered.push(key)
      else this.refused.push(outcome.status)
    }
  }
}

function deposit(key: string, { agent, port, token }: { agent: Agent; port: number; token: string }): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, [IDEMPOTENCY_HEADER]: key }
    const call = request({ agent, port, host: '127.0.0.1', method: 'POST', path: `${TRPC_PATH}/settlement.deposit`, headers })
    const breakOff = (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'unreachable' : { broke: true, wasAnsweredBefore: call.reusedSocket })
    call.on('error', breakOff)
    call.on('response', (answer) => {
      answer.on('error', breakOff)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0 }))
      answer.resume()
    })
    call.end(BODY)
  })
}
