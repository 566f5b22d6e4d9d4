/** One agent's last sign of life and what follows from it. */
export interface Sign {
  readonly lastBeatAtMs: number
  readonly intervalMs: number
  readonly busy: boolean
  /** The last instant at which it counts as alive. */
  readonly aliveUntilMs: number
}

/** How often the count of agents online is taken anew, in milliseconds. */
const COUNT_EVERY_MS = 1_000

/** The beats of this process, in memory; a flush writes what changed since the last one. */
export class Presence {
  readonly #beats = new Map<string, Sign>()
  #changed = new Set<string>()
  /** Who is gone, with its last beat: what is stored of it may go too. */
  #departed = new Map<string, number>()
  #online = 0
  #countedAtMs = Number.NEGATIVE_INFINITY
  /** While beats are turned away and for a while after, deadlines are judged as of when that began. */
  #standsAtMs = Number.NEGATIVE_INFINITY
  #standsUntilMs = Number.NEGATIVE_INFINITY

  get(agentId: string): Sign | undefined {
    return this.#beats.get(agentId)
  }

  /** Take over what an earlier process wrote. */
  restore(agentId: string, sign: Sign): void {
    this.#beats.set(agentId, sign)
  }

  /** A beat was turned away: nobody's silence counts until `graceMs` have passed without that, so that everybody can be heard again. */
  noteShed(nowMs: number, graceMs: number): void {
    if (nowMs > this.#standsUntilMs) this.#standsAtMs = nowMs
    this.#standsUntilMs = Math.max(this.#standsUntilMs, nowMs + graceMs)
  }

  /** @returns the instant as of which deadlines are judged: `nowMs`, or when beats began to be turned away. */
  judgedAtMs(nowMs: number): number {
    return nowMs <= this.#standsUntilMs ? this.#standsAtMs : nowMs
  }

  /** @returns whether an agent is alive as far as this process knows. */
  isAlive(agentId: string, nowMs: number): boolean {
    const sign = this.#beats.get(agentId)
    return sign !== undefined && sign.aliveUntilMs >= this.judgedAtMs(nowMs)
  }

  set(agentId: string, sign: Sign): void {
    this.#beats.set(agentId, sign)
    this.#changed.add(agentId)
  }

  delete(agentId: string): void {
    this.#beats.delete(agentId)
    this.#changed.delete(agentId)
  }

  /** @returns how many agents are alive, at most a second old; drops the ones that are not. */
  online(nowMs: number): number {
    if (nowMs - this.#countedAtMs < COUNT_EVERY_MS) return this.#online
    for (const [agentId, { lastBeatAtMs }] of this.#beats) {
      if (this.isAlive(agentId, nowMs) || this.#changed.has(agentId)) continue
      this.#beats.delete(agentId)
      this.#departed.set(agentId, lastBeatAtMs)
    }
    this.#online = this.#beats.size
    this.#countedAtMs = nowMs
    return this.#online
  }

  /** Take what changed since the last call. */
  takeChanged(): [agentId: string, sign: Sign][] {
    const changed = this.#changed
    this.#changed = new Set()
    return [...changed].flatMap((agentId) => {
      const sign = this.#beats.get(agentId)
      return sign ? [[agentId, sign] as [string, Sign]] : []
    })
  }

  /** Give back what could not be written. */
  putBack(agentIds: Iterable<string>): void {
    for (const agentId of agentIds) this.#changed.add(agentId)
  }

  /** Take who is gone since the last call, each with its last beat. */
  takeDeparted(): [agentId: string, lastBeatAtMs: number][] {
    const departed = [...this.#departed]
    this.#departed.clear()
    return departed
  }
}
