import { z } from 'zod'
import { base64urlOf, TimeMs } from '../ids.ts'
import { checkPlan } from './artifact-plan.ts'

export const FILE_NAME_CHARS_MAX = 255
export const ARTIFACTS_MAX = 256

/** An artifact as it is described without its key: names, types and hashes live only in sealed documents. */
const described = {
  partBytes: z.int().min(1),
  parts: z.int().min(1),
  bytes: z.int().min(0),
  /** What the sender calls the file. A receiver must check it before it touches a file system. */
  name: z.string().min(1).max(FILE_NAME_CHARS_MAX),
  mediaType: z.string().regex(/^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/),
  /** SHA-256 of the plain bytes. */
  sha256: base64urlOf(32),
  /** When the relay may have dropped the first part. */
  expiresAtMs: TimeMs,
}
const isPlanned = (artifact: { bytes: number; partBytes: number; parts: number }) => checkPlan(artifact) !== null
const PLAN_FAULT = 'parts as planArtifact makes them'

/** An artifact of which only the key is missing. */
export const LockedArtifact = z.strictObject(described).refine(isPlanned, PLAN_FAULT)
export type LockedArtifact = z.infer<typeof LockedArtifact>

/** An artifact and its key K (32 bytes): whoever holds this can download and open it. */
export const SealedArtifact = z.strictObject({ K: base64urlOf(32), ...described }).refine(isPlanned, PLAN_FAULT)
export type SealedArtifact = z.infer<typeof SealedArtifact>

/** The same artifacts without their keys. */
export function lockArtifacts(artifacts: readonly (SealedArtifact | LockedArtifact)[]): LockedArtifact[] {
  return artifacts.map((artifact) => {
    const { K: _, ...locked } = artifact as SealedArtifact
    return locked
  })
}
