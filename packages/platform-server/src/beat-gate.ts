/** Beats a second that one process takes, twice what it aims at: then most of its time is left for money and tasks. */
export const BEATS_PER_SECOND_MAX = 2_000
/** Beats under way at once. Where so many wait, the process is behind with everything. */
export const BEATS_UNDER_WAY_MAX = 256

const SECOND_MS = 1_000

/** Lets beats in as long as there are not too many: under overload they are what is turned away first, because silence costs nothing. */
export class BeatGate {
  readonly #perSecondMax: number
  readonly #underWayMax: number
  #underWay = 0
  #second = Number.NEGATIVE_INFINITY
  #taken = 0

  constructor({ perSecondMax = BEATS_PER_SECOND_MAX, underWayMax = BEATS_UNDER_WAY_MAX } = {}) {
    this.#perSecondMax = perSecondMax
    this.#underWayMax = underWayMax
  }

  /** @returns whether a beat may go on; then `leave` follows. */
  enter(nowMs: number): boolean {
    const second = Math.floor(nowMs / SECOND_MS)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (this.#taken >= this.#perSecondMax || this.#underWay >= this.#underWayMax) return false
    this.#taken++
    this.#underWay++
    return true
  }

  leave(): void {
    this.#underWay--
  }
}
