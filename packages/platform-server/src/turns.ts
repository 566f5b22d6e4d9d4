import { Refusal } from './errors.ts'

const RETRY_AFTER_MS = 1_000

/** Does costly things one after another, in the order they came, and turns callers away when too many wait. */
export class Turns {
  readonly #waitingMax: number
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  /** @param waitingMax - How many may be under way or waiting. */
  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax
  }

  /** @throws Refusal `overloaded` when too many wait; what `work` throws. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#waitingMax)
      throw new Refusal('overloaded', 'too many callers wait for this', { retryAfterMs: RETRY_AFTER_MS })
    this.#waiting++
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }
}
