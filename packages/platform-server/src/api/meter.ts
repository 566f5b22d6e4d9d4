import type { AgentRate, Counted, RateLimits } from './rate-limit.ts'
import type { CallCount } from './trpc.ts'

interface Metered {
  readonly address: string
  readonly token: string | undefined
  /** Takes the `RateLimit` header of the answer. */
  readonly headers: Record<string, string>
}

/** Counts one call against the rates: by its address before it has authenticated, by its agent after. */
export class Meter implements CallCount {
  readonly #rates: RateLimits
  readonly #call: Metered

  /** @throws Refusal `rate_limited` for an address that calls too often without a session, or has had too many refused. */
  constructor(rates: RateLimits, call: Metered) {
    this.#rates = rates
    this.#call = call
    if (call.token === undefined) this.#note(rates.takeForAddress(call.address))
    else this.#noteGuesser(rates.peekAtGuesser(call.address))
  }

  forAgent(agentId: string, kind: AgentRate): void {
    this.#note(this.#rates.takeForAgent(agentId, kind))
  }

  forStranger(): void {
    // Without a session it was counted already.
    if (this.#call.token !== undefined) this.#note(this.#rates.takeForAddress(this.#call.address))
  }

  /** The session of this call was not accepted. */
  noteRejected(): void {
    if (this.#call.token !== undefined) this.#rates.noteRejected(this.#call.address)
  }

  /** What is left of this count is told only where nothing is: the answer tells of the agent's own. */
  #noteGuesser(counted: Counted): void {
    if (counted.refusal) this.#note(counted)
  }

  /** @throws Refusal `rate_limited`, told how much is left all the same. */
  #note({ quota, refusal }: Counted): void {
    this.#call.headers.ratelimit = quota
    if (refusal) throw refusal
  }
}
