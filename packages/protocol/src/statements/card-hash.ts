import type { SignedCard } from '../agent-card.ts'
import { fromBase64url, toBase64url } from '../base64url.ts'
import { sha256 } from '../signing/bytes.ts'

/** What the next card names as `previous`: base64url of the SHA-256 of this one's bytes. */
export function hashOf({ cardBytes }: SignedCard): string {
  return toBase64url(sha256(fromBase64url(cardBytes) ?? new Uint8Array()))
}
