import type { Check } from './check.ts'

/** Forgives sums such as 0.1 + 0.2, so that a threshold of 0.3 means what its author meant. */
const SHARE_EPSILON = 1e-9

/**
 * The weighted share of checks that passed. Pure; does not depend on anything but the checks and their order.
 *
 * `floor(10000 × Σ weight of passed / Σ weight)`. Turning a failed check into a passed one never lowers it; 10000 means that every check passed
 * or that what failed weighs less than rounding shows.
 *
 * @param checks - Weights > 0 and finite.
 * @returns 0–10000; 0 for no checks.
 */
export function scoreChecks(checks: readonly Check[]): number {
  return Math.floor(10_000 * passedShare(checks))
}

/**
 * Decide whether a result is good enough: every schema check and every test passed, and the passed rules make at least `threshold` of the weight of all rules.
 *
 * @param threshold - 0–1, of the brief's rule set.
 */
export function decideOutcome(checks: readonly Check[], threshold: number): 'passed' | 'failed' {
  const rules = checks.filter((check) => check.kind === 'rule')
  const mustPass = checks.filter((check) => check.kind !== 'rule')
  const rulesHold = rules.length === 0 || passedShare(rules) >= threshold - SHARE_EPSILON
  return rulesHold && mustPass.every((check) => check.passed) ? 'passed' : 'failed'
}

/** Both sums run in the same order, so equal sets give exactly 1, and rounding (which is monotone) never lowers the share of a larger set. */
function passedShare(checks: readonly Check[]): number {
  let passed = 0
  let total = 0
  for (const check of checks) {
    total += check.weight
    if (check.passed) passed += check.weight
  }
  return total === 0 ? 0 : passed / total
}
