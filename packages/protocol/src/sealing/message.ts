import type { SignedCard } from '../agent-card.ts'
import { type SealedDrop, sealDrop } from './drop.ts'
import { buildFrame } from './frame.ts'
import { generatePrekey } from './x25519.ts'

/** What a sender says: `card` its own signed card in wire form, `signingSecret` its Ed25519 secret key (64 bytes), `prekey` the recipient's (32 bytes). */
export type OutgoingMessage = {
  from: string
  card: SignedCard
  signingSecret: Uint8Array
  to: string
  prekey: Uint8Array
  sentAtMs: number
  typ: string
  doc: Uint8Array
}

/**
 * Sign a document and seal it to one recipient, under a pair made for this drop and wiped before it returns.
 * A retry uploads the same sealed drop again; sealing again makes a second message.
 *
 * @throws RangeError if a field is out of bounds or the document too long for a drop (`DOC_BYTES_MAX_IN_DROP` always fits).
 * @throws SmallOrderKeyError if the recipient's prekey shares its secret with everybody: nothing may be sent to it.
 */
export function sealMessage(message: OutgoingMessage): SealedDrop {
  const ephemeral = generatePrekey()
  try {
    const frame = buildFrame({ ...message, ephemeralPublic: ephemeral.publicKey })
    return sealDrop({ frame, ephemeral, prekey: message.prekey })
  } finally {
    ephemeral.secretKey.fill(0)
  }
}
