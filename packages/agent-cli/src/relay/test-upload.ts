import { randomBytes } from 'node:crypto'
import { deriveDeleteHash, deriveSlotId } from '@agent-marketplace/protocol'
import type { SlotCaps, SlotUpload } from './relay-client.ts'

/** An upload of random bytes for an hour, with the caps behind it. */
export function makeUpload(bytes = 16_384, record: Uint8Array | undefined = randomBytes(40)): SlotCaps & { upload: SlotUpload } {
  const [readCap, deleteCap] = [randomBytes(32), randomBytes(32)]
  const upload = {
    slotId: deriveSlotId(readCap),
    deleteHash: deriveDeleteHash(deleteCap),
    ttl: '1h',
    record,
    body: randomBytes(bytes),
  } as const
  return { readCap, deleteCap, upload }
}
