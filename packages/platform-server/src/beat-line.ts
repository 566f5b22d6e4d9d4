/** How beats are let in. */
export interface BeatLineLimits {
  readonly tickMs: number
  /** Beats let in between two ticks. */
  readonly inPerTick: number
  /** Beats that wait to be let in; all others are turned away. */
  readonly waitingMax: number
  /** Beats worked on at once. Where so many are, the process is behind for whatever reason. */
  readonly underWayMax: number
}

/** Beats a second that one process takes, half as many again as it aims at: then most of its time is left for money and tasks. */
export const BEATS_PER_SECOND_MAX = 1_500
const TICK_MS = 4
/** Of the answers that are held back one in so many is given at a tick, the oldest first, and one at least: nobody is held for much longer than 5 s. */
const HELD_TICKS = 5_000 / TICK_MS

/** Requests that wait are copied by the collector of garbage while they are young: so few wait to be let in, and the others are held until they are old. */
const LIMITS: BeatLineLimits = {
  tickMs: TICK_MS,
  inPerTick: (BEATS_PER_SECOND_MAX / 1_000) * TICK_MS,
  waitingMax: 48,
  underWayMax: 256,
}

/**
 * The line that beats stand in. A few at a time are let in; who finds the line full is turned away, and told so later. So beats take no more than a share
 * of the time of the process, however many come, and whoever asks again at once takes no more of it than who pauses as told.
 * A process that is behind gets fewer ticks, and lets fewer in.
 */
export class BeatLine {
  readonly #limits: BeatLineLimits
  readonly #waiting: ((isIn: true) => void)[] = []
  readonly #held: ((isIn: false) => void)[] = []
  #underWay = 0
  #letIn = 0
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(limits: Partial<BeatLineLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  /** Answers that are held back. */
  get heldCount(): number {
    return this.#held.length
  }

  /** Whether the server stops: who was held is not turned away for being too many. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether there was no beat for a while: then no timer runs. */
  get isQuiet(): boolean {
    return this.#timer === undefined
  }

  /** Stand in line. @returns `true` for who does not have to wait, else a promise of whether the beat is let in. */
  join(): true | Promise<boolean> {
    if (this.#isOver) return true
    this.#timer ??= setInterval(() => this.tick(), this.#limits.tickMs)
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      this.#letIn++
      return true
    }
    const line = this.#waiting.length < this.#limits.waitingMax ? this.#waiting : this.#held
    return new Promise((tell) => void line.push(tell))
  }

  /** The work on a beat that was let in begins; `leave` follows. */
  enter(): void {
    this.#underWay++
  }

  leave(): void {
    this.#underWay--
  }

  /** Let the next ones in, and turn away who was held for longest. */
  tick(): void {
    const isQuiet = this.#letIn === 0
    this.#letIn = 0
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      this.#letIn++
      this.#waiting.shift()?.(true)
    }
    for (const tell of this.#held.splice(0, Math.ceil(this.#held.length / HELD_TICKS))) tell(false)
    if (isQuiet && this.#waiting.length === 0 && this.#held.length === 0) this.#stop()
  }

  /** Answer who waits, and let in whoever still comes: the server stops. */
  end(): void {
    this.#isOver = true
    for (const tell of this.#waiting.splice(0)) tell(true)
    for (const tell of this.#held.splice(0)) tell(false)
    this.#stop()
  }

  #hasRoom(): boolean {
    return this.#letIn < this.#limits.inPerTick && this.#underWay + this.#letIn < this.#limits.underWayMax
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
