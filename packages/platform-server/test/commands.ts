import type { AssignmentState, Outcome } from '@agent-marketplace/protocol'
import fc from 'fast-check'

/** What can be done to one assignment, and in which states it would be right. */
export const VERBS = {
  claim: ['offered'],
  hold: ['offered', 'assigned'],
  accept: ['assigned'],
  decline: ['assigned'],
  renew: ['working'],
  complete: ['working'],
  approve: ['submitted'],
  cancel: ['offered', 'assigned', 'working'],
  refund: ['offered', 'assigned', 'working'],
  settle: ['submitted'],
} as const satisfies Record<string, readonly AssignmentState[]>
export type Verb = keyof typeof VERBS

interface Terms {
  readonly price: string | undefined
  /** Who shall do it: an agent by its number, or nobody yet. */
  readonly to: number | undefined
}

/**
 * One thing that happens in a history. Which assignment it happens to is the `on`-th of those it would be right for;
 * a `wild` one happens to any assignment, and whoever comes along does it.
 */
export type Command =
  | { readonly what: 'deposit'; readonly by: number; readonly amount: string }
  | (Terms & { readonly what: 'work'; readonly task: number; readonly attempts: number; readonly fund: boolean })
  | (Terms & { readonly what: 'review'; readonly on: number; readonly wild: boolean })
  | { readonly what: Verb; readonly on: number; readonly by: number; readonly wild: boolean }
  | { readonly what: 'verdict'; readonly on: number; readonly outcome: Outcome; readonly wild: boolean }
  | { readonly what: 'end task'; readonly task: number; readonly how: 'complete' | 'cancel' }
  | { readonly what: 'leave'; readonly by: number }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'sweep' }
  | { readonly what: 'again' }

const number = fc.nat({ max: 11 })
const wild = fc.nat({ max: 9 }).map((each) => each === 0)
const price = fc.constantFrom(undefined, '0.000001', '1', '2.5', '7')
const to = fc.option(number, { freq: 3, nil: undefined })
const is = <T extends Command['what']>(what: T) => fc.constant(what)
const verb = (what: Verb) => fc.record({ what: is(what), on: number, by: number, wild })

const deposit = fc.record({ what: is('deposit'), by: number, amount: fc.constantFrom('0.000001', '3', '10') })
const attempts = fc.integer({ min: 1, max: 3 })
const fund = fc.nat({ max: 5 }).map((each) => each > 0)
const work = fc.record({ what: is('work'), task: number, to, price, attempts, fund })
const review = fc.record({ what: is('review'), on: number, to, price, wild })
const outcome = fc.constantFrom<Outcome>('passed', 'passed', 'failed', 'failed', 'invalid_format', 'inconclusive')
const verdict = fc.record({ what: is('verdict'), on: number, outcome, wild })
const endTask = fc.record({ what: is('end task'), task: number, how: fc.constantFrom('complete' as const, 'cancel' as const) })
const leave = fc.record({ what: is('leave'), by: number })
const pass = fc.record({ what: is('pass'), ms: fc.constantFrom(1, 1, 100, 100, 100, 1_000, 3_000, 5_001, 10_001) })
const weigh = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary })

/** Anything that may happen, more often what leads on. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  weigh(5, deposit),
  weigh(30, work),
  weigh(50, review),
  weigh(90, verb('accept')),
  weigh(80, verb('complete')),
  weigh(140, verdict),
  weigh(25, verb('claim')),
  ...(['hold', 'decline', 'renew', 'approve', 'cancel', 'refund', 'settle'] as const).map((each) => weigh(6, verb(each))),
  weigh(3, endTask),
  weigh(1, leave),
  weigh(18, pass),
  weigh(15, fc.record({ what: is('sweep') })),
  weigh(10, fc.record({ what: is('again') })),
)

/** What happens at once: mostly one thing, sometimes a few that race. */
export const anyStep = fc.oneof(
  { weight: 6, arbitrary: anyCommand.map((each) => [each]) },
  { weight: 1, arbitrary: fc.array(anyCommand, { minLength: 2, maxLength: 4 }) },
)
