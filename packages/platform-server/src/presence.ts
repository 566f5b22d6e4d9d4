import { DueSeconds } from './due-seconds.ts'

/** One agent's last sign of life and what follows from it. */
export interface Sign {
  readonly lastBeatAtMs: number
  readonly intervalMs: number
  readonly busy: boolean
  /** The last instant at which it counts as alive. */
  readonly aliveUntilMs: number
}

/** What an agent said of itself, or that it made a call, which says no more than that it is there. */
export type Word = 'beat' | 'call'

interface Kept extends Sign {
  /** The second in which it is looked at whether this agent is still there: that of its deadline, or an earlier one. */
  readonly dueSecond: number
}

/** How often the count of agents online is taken anew, in milliseconds. */
const COUNT_EVERY_MS = 1_000

/** The beats of this process, in memory; a flush writes what changed since the last one. */
export class Presence {
  readonly #beats = new Map<string, Kept>()
  /** Each agent once in the second in which it is due; where it is found in another one, it was moved to an earlier one and is passed over. */
  readonly #due = new DueSeconds<string>()
  #changed = new Map<string, Word>()
  /** Who is gone, with its last beat: what is stored of it may go too. */
  #departed = new Map<string, number>()
  #countedAtMs = Number.NEGATIVE_INFINITY
  /** While beats are turned away and for a while after, deadlines are judged as of when that began. */
  #standsAtMs = Number.NEGATIVE_INFINITY
  #standsUntilMs = Number.NEGATIVE_INFINITY

  get(agentId: string): Sign | undefined {
    return this.#beats.get(agentId)
  }

  /** Take over what an earlier process wrote. */
  restore(agentId: string, sign: Sign): void {
    const second = secondOf(sign.aliveUntilMs)
    const known = this.#beats.get(agentId)?.dueSecond
    // A later deadline is seen when the earlier one is due: a beat moves nothing.
    if (known !== undefined && known <= second) this.#keep(agentId, sign, known)
    else this.#await(agentId, sign, second)
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

  /** @param word - Whether the agent said so with a beat; a call moves its deadline and says nothing of how busy it is. */
  set(agentId: string, sign: Sign, word: Word = 'beat'): void {
    this.restore(agentId, sign)
    this.#change(agentId, word)
  }

  delete(agentId: string): void {
    this.#beats.delete(agentId)
    this.#changed.delete(agentId)
  }

  /** @returns how many agents are alive, at most a second old; drops the ones that are not. Looks only at those whose deadline may have passed. */
  online(nowMs: number): number {
    // A clock that was set back holds nothing up.
    if (Math.abs(nowMs - this.#countedAtMs) < COUNT_EVERY_MS) return this.#beats.size
    this.#countedAtMs = nowMs
    const judgedAtMs = this.judgedAtMs(nowMs)
    for (const [second, agentIds] of this.#due.takeBegun(judgedAtMs)) {
      for (const agentId of agentIds) this.#judge(agentId, second, judgedAtMs)
    }
    return this.#beats.size
  }

  #judge(agentId: string, second: number, judgedAtMs: number): void {
    const kept = this.#beats.get(agentId)
    if (kept?.dueSecond !== second) return
    if (kept.aliveUntilMs < judgedAtMs && !this.#changed.has(agentId)) {
      this.#beats.delete(agentId)
      this.#departed.set(agentId, kept.lastBeatAtMs)
    } else this.#await(agentId, kept, Math.max(secondOf(kept.aliveUntilMs), secondOf(judgedAtMs)))
  }

  #await(agentId: string, sign: Sign, dueSecond: number): void {
    this.#keep(agentId, sign, dueSecond)
    this.#due.add(dueSecond, agentId)
  }

  #keep(agentId: string, { lastBeatAtMs, intervalMs, busy, aliveUntilMs }: Sign, dueSecond: number): void {
    this.#beats.set(agentId, { lastBeatAtMs, intervalMs, busy, aliveUntilMs, dueSecond })
  }

  #change(agentId: string, word: Word): void {
    if (word === 'beat' || !this.#changed.has(agentId)) this.#changed.set(agentId, word)
  }

  /** Take what changed since the last call, and whether by a beat. */
  takeChanged(): [agentId: string, sign: Sign, word: Word][] {
    const changed = this.#changed
    this.#changed = new Map()
    return [...changed].flatMap(([agentId, word]) => {
      const sign = this.#beats.get(agentId)
      return sign ? [[agentId, sign, word] as [string, Sign, Word]] : []
    })
  }

  /** Give back what could not be written. */
  putBack(changed: Iterable<readonly [agentId: string, sign: Sign, word: Word]>): void {
    for (const [agentId, , word] of changed) this.#change(agentId, word)
  }

  /** Take who is gone since the last call, each with its last beat. */
  takeDeparted(): [agentId: string, lastBeatAtMs: number][] {
    const departed = [...this.#departed]
    this.#departed.clear()
    return departed
  }
}

function secondOf(atMs: number): number {
  return Math.floor(atMs / 1_000)
}
