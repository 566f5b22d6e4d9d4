import type { AgentRate, RateLimits } from './rate-limit.ts'
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
    else rates.refuseGuesser(call.address)
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

  #note(quota: string): void {
    this.#call.headers.ratelimit = quota
  }
}
