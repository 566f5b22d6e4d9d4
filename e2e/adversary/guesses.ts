import type { Act } from './traffic.ts'

/** What the platform noted of an act. */
export type Event = Pick<Act, 'eventAtMs' | 'from' | 'to'>

/** For every drop, in the order in which they came, the event it is taken to belong to. */
type Strategy = (events: readonly Event[], dropsAtMs: readonly number[], meanMs: number) => (Event | undefined)[]

/** What somebody who has the times of events and of drops can do with them. */
const STRATEGIES: readonly Strategy[] = [
  // The latest event before the drop: the likeliest one, were each drop alone.
  (events, drops) => drops.map((at) => events.findLast(({ eventAtMs }) => eventAtMs <= at)),
  // The k-th drop belongs to the k-th event: order survives.
  (events, drops) => drops.map((_, at) => events[at]),
  // The event that is as far back as a drop rests on average.
  (events, drops, meanMs) => drops.map((at) => nearest(events, at - meanMs)),
  // The oldest, or the latest, of the events no drop was given to yet.
  (events, drops) => pickPending(events, drops, (pending) => pending.shift()),
  (events, drops) => pickPending(events, drops, (pending) => pending.pop()),
]

/**
 * How often the best of all strategies names sender and recipient of a drop.
 *
 * @param isScored - Drops at the edges of the simulation, where few others are on their way, are seen and not counted.
 */
export function bestScore(
  acts: readonly Act[],
  { meanMs, isScored }: { meanMs: number; isScored: (act: Act) => boolean },
): { score: number; scored: number } {
  const drops = acts.toSorted((a, b) => a.dropAtMs - b.dropAtMs)
  const times = drops.map(({ dropAtMs }) => dropAtMs)
  const scored = drops.filter(isScored).length
  const rights = STRATEGIES.map((guess) => {
    const guesses = guess(acts, times, meanMs)
    return drops.filter((drop, at) => isScored(drop) && isSamePair(drop, guesses[at])).length
  })
  return { score: Math.max(...rights) / scored, scored }
}

/** How often two lists of the same acts, in whatever orders, name the same pair at the same place. */
export function agreement(one: readonly Event[], other: readonly Event[]): number {
  return one.filter((event, at) => isSamePair(event, other[at])).length / one.length
}

function isSamePair(one: Event, other: Event | undefined): boolean {
  return one.from === other?.from && one.to === other.to
}

function nearest(events: readonly Event[], atMs: number): Event | undefined {
  return events.reduce<Event | undefined>(
    (best, event) => (best === undefined || Math.abs(event.eventAtMs - atMs) < Math.abs(best.eventAtMs - atMs) ? event : best),
    undefined,
  )
}

function pickPending(
  events: readonly Event[],
  drops: readonly number[],
  pick: (pending: Event[]) => Event | undefined,
): (Event | undefined)[] {
  const pending: Event[] = []
  let next = 0
  return drops.map((at) => {
    for (let event = events[next]; event && event.eventAtMs <= at; event = events[next]) {
      pending.push(event)
      next++
    }
    return pick(pending)
  })
}
