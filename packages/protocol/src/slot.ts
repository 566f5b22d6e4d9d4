import { SLOT_ID_BYTES } from './limits.ts'
import { joinBytes, labelBytes, sha256 } from './signing/bytes.ts'

const SLOT_LABEL = labelBytes('agent-marketplace/slot/1')
const DELETE_LABEL = labelBytes('agent-marketplace/delete/1')

/** The public name of a slot, 16 bytes. Whoever shows the 32-byte `readCap` behind it may read the slot. */
export function deriveSlotId(readCap: Uint8Array): Uint8Array {
  return sha256(joinBytes(SLOT_LABEL, readCap)).slice(0, SLOT_ID_BYTES)
}

/** What the relay keeps of a delete cap, 32 bytes. Whoever shows the 32-byte `deleteCap` behind it may delete the slot. */
export function deriveDeleteHash(deleteCap: Uint8Array): Uint8Array {
  return sha256(joinBytes(DELETE_LABEL, deleteCap))
}
