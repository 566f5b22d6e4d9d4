/** Things by the second in which they are to be looked at, so that looking at those that are due costs nothing for the others. */
export class DueSeconds<T> {
  readonly #seconds = new Map<number, T[]>()

  add(second: number, thing: T): void {
    const things = this.#seconds.get(second)
    if (things) things.push(thing)
    else this.#seconds.set(second, [thing])
  }

  /** Take all whose second has begun at an instant. The cost grows with the seconds that are known, never with what waits in them. */
  takeBegun(nowMs: number): [second: number, things: T[]][] {
    const begun = [...this.#seconds].filter(([second]) => second * 1_000 <= nowMs)
    for (const [second] of begun) this.#seconds.delete(second)
    return begun
  }
}
