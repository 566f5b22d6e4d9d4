import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The requests under way: how many there are, and word to those that wait when the server stops. */
export class InFlight {
  readonly #last = new WeakMap<Duplex, ServerResponse>()
  readonly #waiting = new Set<AbortController>()
  #count = 0
  #isStopping = false
  #whenNone: (() => void) | undefined

  get count(): number {
    return this.#count
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Count a request until its response is sent, or its peer has gone. */
  add(response: ServerResponse): void {
    const { socket } = response.req
    this.#count++
    this.#last.set(socket, response)
    response.once('close', () => {
      if (this.#last.get(socket) === response) this.#last.delete(socket)
      this.#count--
      if (this.#count === 0) this.#whenNone?.()
    })
  }

  /** @returns the response that is under way on a connection, the last if there are several. */
  on(socket: Duplex): ServerResponse | undefined {
    return this.#last.get(socket)
  }

  /** @returns a signal that aborts when the peer hangs up or the server stops. */
  signalFor(response: ServerResponse): AbortSignal {
    const controller = new AbortController()
    if (this.#isStopping || response.destroyed) controller.abort()
    this.#waiting.add(controller)
    response.once('close', () => {
      this.#waiting.delete(controller)
      controller.abort()
    })
    return controller.signal
  }

  /** From now on every answer is the last one on its connection; those that wait are told to answer. */
  stop(): void {
    this.#isStopping = true
    for (const controller of this.#waiting) controller.abort()
  }

  /** Wait until no request is under way, at most `limitMs`. */
  async none(limitMs: number): Promise<void> {
    if (this.#count === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs)
      this.#whenNone = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
