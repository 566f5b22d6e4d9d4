/** How often something may happen: `perMinute` on average, at most `burst` at once. */
export interface Rate {
  readonly perMinute: number
  readonly burst: number
}

/** What is left after a token was taken, or that there was none. */
export interface Taken {
  readonly isAllowed: boolean
  /** Whole tokens left. */
  readonly remaining: number
  /** How long until one token is there again; 0 while one is. */
  readonly retryAfterMs: number
  /** How long until the bucket is full again. */
  readonly resetMs: number
}

interface Bucket {
  readonly left: number
  readonly atMs: number
}

const MINUTE_MS = 60_000
/** Fractions of a token are not exact in binary. */
const INEXACT = 1e-6

/** Token buckets of one rate, one for each key, in bounded memory. A key that was not seen before has a full bucket. */
export class TokenBuckets {
  readonly #rate: Rate
  readonly #bucketsMax: number
  /** In the order in which they were last used. */
  readonly #buckets = new Map<string, Bucket>()

  /** @param bucketsMax - Beyond so many the bucket that was not used for longest is forgotten, which fills it. */
  constructor(rate: Rate, bucketsMax: number) {
    this.#rate = rate
    this.#bucketsMax = bucketsMax
  }

  /** Take one token, if there is one. A refused call costs nothing. */
  take(key: string, nowMs: number): Taken {
    const left = this.#left(key, nowMs)
    const taken = this.#describe(left)
    if (taken.isAllowed) this.#keep(key, { left: Math.max(0, left - 1), atMs: nowMs })
    return taken
  }

  /** What `take` would return, without taking anything. */
  peek(key: string, nowMs: number): Taken {
    return this.#describe(this.#left(key, nowMs))
  }

  #left(key: string, nowMs: number): number {
    const { perMinute, burst } = this.#rate
    const bucket = this.#buckets.get(key)
    if (!bucket) return burst
    return Math.min(burst, bucket.left + (Math.max(0, nowMs - bucket.atMs) * perMinute) / MINUTE_MS)
  }

  #describe(left: number): Taken {
    const { perMinute, burst } = this.#rate
    const fillMs = (tokens: number) => Math.ceil((Math.max(0, tokens) * MINUTE_MS) / perMinute)
    if (left < 1 - INEXACT)
      return { isAllowed: false, remaining: 0, retryAfterMs: fillMs(1 - left), resetMs: fillMs(burst - left) }
    return { isAllowed: true, remaining: Math.floor(left - 1 + INEXACT), retryAfterMs: 0, resetMs: fillMs(burst - left + 1) }
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size <= this.#bucketsMax) return
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
