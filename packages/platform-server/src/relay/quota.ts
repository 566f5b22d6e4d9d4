import { Refusal } from '../errors.ts'

/** What a feed record costs of the quota: its 40 bytes and the row around them. It costs this until its hour, even if its slot is deleted. */
export const RECORD_COST_BYTES = 64

/** The space of the whole relay, shared by everybody. */
export interface Quota {
  /** Take space before it is used. @throws Refusal `storage_full` when it is not there. */
  take(bytes: number): void
  give(bytes: number): void
}

/** @param usedBytes - What is stored already; it may exceed a cap that was lowered, and is then refused nothing but new uploads. */
export function createQuota(capBytes: number, usedBytes: number): Quota {
  let used = usedBytes
  return {
    take(bytes) {
      if (used + bytes > capBytes) throw new Refusal('storage_full', 'the relay has no space for this')
      used += bytes
    },
    give(bytes) {
      used -= bytes
    },
  }
}
