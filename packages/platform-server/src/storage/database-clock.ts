/** A clock of somebody else, told between two looks at one's own that only goes forward. All in milliseconds. */
export interface Sample {
  readonly askedAt: number
  readonly heardAt: number
  /** What it said somewhere in between, UTC. */
  readonly saidMs: number
}

/**
 * The clock of a database, as a process that asks it now and then can tell it. What is done to the clock of this machine does not matter.
 *
 * @param monotonic - Milliseconds that only go forward.
 */
export class DatabaseClock {
  readonly #monotonic: () => number
  #ahead: number

  constructor(monotonic = () => performance.now()) {
    this.#monotonic = monotonic
    this.#ahead = Date.now() - monotonic()
  }

  readonly now = (): number => Math.round(this.#monotonic() + this.#ahead)

  /** The answer bounds what the difference can be: only what is outside of that is put right, so that slow answers do not move the time. */
  take({ askedAt, heardAt, saidMs }: Sample): void {
    this.#ahead = Math.min(Math.max(this.#ahead, saidMs - heardAt), saidMs - askedAt)
  }
}
