import { hash, timingSafeEqual } from 'node:crypto'
import { SLOT_ID_BYTES } from '@agent-marketplace/protocol'

const SLOT_LABEL = Buffer.from('agent-marketplace/slot/1')
const DELETE_LABEL = Buffer.from('agent-marketplace/delete/1')

/** The 16-byte name of the slot that a 32-byte read cap opens. */
export function slotIdOf(readCap: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([SLOT_LABEL, readCap]), 'buffer').subarray(0, SLOT_ID_BYTES)
}

/** Whether a 32-byte delete cap is the one behind a stored 32-byte hash; takes the same time for every wrong cap. */
export function opensDeletion(deleteCap: Uint8Array, deleteHash: Uint8Array): boolean {
  return timingSafeEqual(hash('sha256', Buffer.concat([DELETE_LABEL, deleteCap]), 'buffer'), deleteHash)
}
