import type { SignedCard } from '../agent-card.ts'
import { fromBase64url } from '../base64url.ts'
import { joinBytes, labelBytes, sha256 } from '../signing/bytes.ts'

const LABEL = 'agent-marketplace/safety-number/1\n'
const DIGITS = 60
const GROUP = 5

/**
 * The number two people compare to know that neither is shown a made-up card of the other: SHA-256 over the label and the SHA-256 of both
 * cards' bytes, the smaller first, as a big-endian integer modulo 10^60.
 *
 * @returns 60 digits in twelve groups of five, the same whoever asks.
 */
export function safetyNumber(one: SignedCard, other: SignedCard): string {
  const [first, second] = [one, other]
    .map(({ cardBytes }) => sha256(fromBase64url(cardBytes) ?? new Uint8Array()))
    .sort(Buffer.compare)
  const digest = sha256(joinBytes(labelBytes(LABEL), first ?? new Uint8Array(), second ?? new Uint8Array()))
  const number = BigInt(`0x${Buffer.from(digest).toString('hex')}`) % 10n ** BigInt(DIGITS)
  const digits = number.toString().padStart(DIGITS, '0')
  return Array.from({ length: DIGITS / GROUP }, (_, at) => digits.slice(at * GROUP, (at + 1) * GROUP)).join(' ')
}
