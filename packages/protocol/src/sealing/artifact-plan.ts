import { SIZE_CLASSES } from '../limits.ts'
import { plaintextBytesOf } from './stream.ts'

const LARGEST_CLASS = SIZE_CLASSES[4]
const PARTS_BEFORE_LARGER_CLASS = 4

/**
 * How an artifact is cut. `bytes` is its true length; `parts` bodies of exactly `partBytes` are uploaded, each holding
 * `dataBytes` of it, the last ones less or, as dummies, nothing.
 */
export type ArtifactPlan = { bytes: number; partBytes: number; parts: number; dataBytes: number }

/**
 * Plan an artifact: the smallest size class that needs at most four parts; above four of the largest the number of parts is
 * rounded up by Padmé (at most 12 % more), the additional ones being dummies.
 *
 * @param bytes - 0 to 2^53 − 1. @throws RangeError if it is not such a number.
 */
export function planArtifact(bytes: number): ArtifactPlan {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError('an artifact has a whole number of bytes')
  const fits = (partBytes: number) => Math.ceil(bytes / plaintextBytesOf(partBytes)) <= PARTS_BEFORE_LARGER_CLASS
  const partBytes = SIZE_CLASSES.find(fits) ?? LARGEST_CLASS
  const dataBytes = plaintextBytesOf(partBytes)
  return { bytes, partBytes, parts: padme(Math.max(1, Math.ceil(bytes / dataBytes))), dataBytes }
}

/**
 * Check the plan a sender states in a sealed document.
 *
 * @returns The plan, or `null` if it is not exactly the one `planArtifact` makes for these bytes.
 */
export function checkPlan(stated: { bytes: number; partBytes: number; parts: number }): ArtifactPlan | null {
  if (!Number.isSafeInteger(stated.bytes) || stated.bytes < 0) return null
  const plan = planArtifact(stated.bytes)
  return plan.partBytes === stated.partBytes && plan.parts === stated.parts ? plan : null
}

/**
 * The bytes of the artifact that part `index` holds, `start` included and `end` not; the same number twice for a dummy.
 *
 * @throws RangeError if the plan has no such part.
 */
export function partRange(plan: ArtifactPlan, index: number): { start: number; end: number } {
  if (!Number.isInteger(index) || index < 0 || index >= plan.parts)
    throw new RangeError(`the artifact has ${plan.parts} parts, no part ${index}`)
  return { start: Math.min(index * plan.dataBytes, plan.bytes), end: Math.min((index + 1) * plan.dataBytes, plan.bytes) }
}

/** Padmé: keep as many leading bits of a count as its bit length has bits, round up to them. 1 to 8 stay as they are. */
function padme(count: number): number {
  const exponent = Math.floor(Math.log2(count))
  const keptBits = exponent === 0 ? 0 : Math.floor(Math.log2(exponent)) + 1
  const step = 2 ** (exponent - keptBits)
  return step <= 1 ? count : Math.ceil(count / step) * step
}
