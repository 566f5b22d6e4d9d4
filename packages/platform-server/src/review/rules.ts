import type { Outcome, ReviewRule, SubmitVerdictInput } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** What the reviewers of one attempt have said so far. */
export interface Panel {
  readonly rule: ReviewRule
  /** Outcomes of this attempt; `inconclusive` ones count as not said. */
  readonly outcomes: readonly Outcome[]
  /** Reviewers who may still speak. */
  readonly pending: number
  /** Whether `reviewBy` has passed: then those who spoke decide. */
  readonly isOver: boolean
}

/**
 * Decide an attempt. Pure.
 *
 * Unanimous: one negative outcome fails it, once all have spoken or the time is over. Majority: as soon as it is certain; a tie does not pass.
 * After `reviewBy` silence is acceptance: an attempt nobody spoke about passes.
 *
 * @returns `undefined` while it is not decided.
 */
export function decide({ rule, outcomes, pending, isOver }: Panel): 'passed' | 'failed' | undefined {
  const said = outcomes.filter(counts)
  const passed = said.filter((outcome) => outcome === 'passed').length
  const failed = said.length - passed
  const open = isOver ? 0 : pending

  if (said.length === 0) return isOver ? 'passed' : undefined
  if (rule === 'unanimous') {
    if (open > 0) return undefined
    return failed === 0 ? 'passed' : 'failed'
  }
  if (passed > failed + open) return 'passed'
  if (failed >= passed + open) return 'failed'
  return undefined
}

/** Whether an outcome says something about the work; an inconclusive one does not, and earns nothing. */
export function counts(outcome: Outcome): boolean {
  return outcome !== 'inconclusive'
}

/** Whether the time for verdicts on an attempt is over; the exact boundary is in time. */
export function isOver({ reviewByMs }: { readonly reviewByMs: number | undefined }, nowMs: number): boolean {
  return reviewByMs !== undefined && nowMs > reviewByMs
}

/** What was not said in time was not said, whether or not the sweep has come by. @throws Refusal `wrong_state` */
export function checkInTime(target: { readonly reviewByMs: number | undefined }, nowMs: number): void {
  if (isOver(target, nowMs)) throw new Refusal('wrong_state', 'the time for verdicts on this attempt is over')
}

/** @throws Refusal `invalid_input` for a score that does not go with the outcome. */
export function checkScore({ outcome, scoreBps }: Pick<SubmitVerdictInput, 'outcome' | 'scoreBps'>): void {
  const isScored = outcome === 'passed' || outcome === 'failed'
  if (!isScored && scoreBps !== 0) throw new Refusal('invalid_input', 'only passed and failed work has a score')
}
