import type { Signals } from './storage/database.ts'

/** Wakes long-polling callers when something was committed for them, here or in another process. A lost wake-up costs a caller its time-out, never an event. */
export class Wakeups {
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #others: Signals

  constructor(others: Signals) {
    this.#others = others
    others.hear((agentId) => this.#wakeHere(agentId))
  }

  /** Wait until `wake(agentId)`, the time-out or the abort, whichever comes first. */
  wait(agentId: string, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    return new Promise((resolve) => {
      const set = this.#waiting.get(agentId) ?? new Set()
      this.#waiting.set(agentId, set)
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        set.delete(done)
        if (set.size === 0) this.#waiting.delete(agentId)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      signal.addEventListener('abort', done)
      set.add(done)
      if (signal.aborted) done()
    })
  }

  wake(agentId: string): void {
    this.#wakeHere(agentId)
    this.#others.tell(agentId)
  }

  #wakeHere(agentId: string): void {
    for (const done of this.#waiting.get(agentId) ?? []) done()
  }
}
