import type { Sweep } from './sweep.ts'

/** One of the two planes of the platform, opened. */
export interface Plane {
  readonly sweeps: readonly Sweep[]
  /** Resolves when the storage failed in a way that leaves unknown what is durable: the process has to end. */
  readonly failed: Promise<Error>
  /** Accept no more connections and answer what is under way, for at most 10 s. */
  drain(): Promise<void>
  /** Let go of the storage, after `drain` and after the last sweep. */
  close(): Promise<void>
}
