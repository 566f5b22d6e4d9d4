import { timingSafeEqual } from 'node:crypto'
import { deriveDeleteHash } from '@agent-marketplace/protocol'

/** Whether a 32-byte delete cap is the one behind a stored 32-byte hash; takes the same time for every wrong cap. */
export function opensDeletion(deleteCap: Uint8Array, deleteHash: Uint8Array): boolean {
  return timingSafeEqual(deriveDeleteHash(deleteCap), deleteHash)
}
