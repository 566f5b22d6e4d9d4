import type { SignedCard } from '../agent-card.ts'
import { fromBase64url, toBase64url } from '../base64url.ts'
import { CARD_BYTES_MAX } from '../limits.ts'
import { joinBytes, labelBytes } from '../signing/bytes.ts'
import { SIGNATURE_BYTES } from '../signing/ed25519.ts'
import { sign, verify } from '../signing/statement.ts'
import { FRAME_BYTES_MAX } from './drop.ts'

const AGENT_ID = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/
const TYP = /^[a-z]{1,15}(?:\.[a-z]{1,16})?$/
/** The last moment a date can name. */
const TIME_MS_MAX = 8_640_000_000_000_000
const FRAME_FIELDS = ['v', 'from', 'card', 'to', 'sentAtMs', 'doc', 'typ', 'signature']
const CARD_FIELDS = ['cardBytes', 'signature']

/**
 * What is inside a drop, well-formed but not yet verified. `card` in its wire form (canonical base64url, ≤ 2048 and 64 bytes);
 * `doc` the raw document, at least one byte; `signature` 64 bytes.
 */
export type Frame = {
  from: string
  card: SignedCard
  to: string
  sentAtMs: number
  typ: string
  doc: Uint8Array
  signature: Uint8Array
}

/** The two public keys of a drop, 32 bytes each: the signature of a frame covers them, so it cannot be passed on to somebody else. */
export type DropEnds = { ephemeralPublic: Uint8Array; prekey: Uint8Array }

/**
 * Build and sign a frame.
 *
 * @param message.signingSecret - The sender's Ed25519 secret key, 64 bytes.
 * @returns UTF-8 JSON, ≤ 16 340 bytes; a `doc` of `DOC_BYTES_MAX_IN_DROP` always fits.
 * @throws RangeError if it would be longer, or if a field is one that `parseFrame` refuses.
 */
export function buildFrame(message: Omit<Frame, 'signature'> & DropEnds & { signingSecret: Uint8Array }): Uint8Array {
  const signature = sign('message', signedBytes(message, message), message.signingSecret)
  const frame = new TextEncoder().encode(writeFrame({ ...message, signature }))
  if (frame.length > FRAME_BYTES_MAX)
    throw new RangeError(`the frame has ${frame.length} bytes, a drop carries ${FRAME_BYTES_MAX}`)
  if (parseFrame(frame) === null) throw new RangeError('a field of the frame is out of its bounds')
  return frame
}

/**
 * Read a frame strictly: exactly the known fields, each in its bounds, compact JSON without a second spelling.
 *
 * @returns `null` for anything else. A frame that parses is still only a claim until its card and `verifyFrame` agree.
 */
export function parseFrame(bytes: Uint8Array): Frame | null {
  if (bytes.length > FRAME_BYTES_MAX) return null
  const json = parseCompactJson(bytes)
  if (!hasExactly(json, FRAME_FIELDS) || json.v !== 1) return null

  const { from, to, typ, sentAtMs } = json
  const card = readCard(json.card)
  const doc = readBytes(json.doc, 1, FRAME_BYTES_MAX)
  const signature = readBytes(json.signature, SIGNATURE_BYTES, SIGNATURE_BYTES)
  if (!card || !doc || !signature) return null
  if (!matches(from, AGENT_ID) || !matches(to, AGENT_ID) || !matches(typ, TYP) || !isTimeMs(sentAtMs)) return null
  return { from, card, to, sentAtMs, typ, doc, signature }
}

/**
 * Tell whether the holder of `signKey` signed this document for exactly this drop.
 * Not covered: `from`, `to`, `sentAtMs` and `card`; the caller checks that the card is `from`'s, pinned, and carries `signKey`,
 * and that `to` is itself.
 */
export function verifyFrame(frame: Frame, ends: DropEnds, signKey: Uint8Array): boolean {
  return verify('message', signedBytes(frame, ends), frame.signature, signKey)
}

function signedBytes(frame: { typ: string; doc: Uint8Array }, ends: DropEnds): Uint8Array {
  return joinBytes(ends.ephemeralPublic, ends.prekey, labelBytes(`${frame.typ}\n`), frame.doc)
}

function writeFrame({ from, card, to, sentAtMs, typ, doc, signature }: Frame): string {
  return JSON.stringify({
    v: 1,
    from,
    card: { cardBytes: card.cardBytes, signature: card.signature },
    to,
    sentAtMs,
    doc: toBase64url(doc),
    typ,
    signature: toBase64url(signature),
  })
}

/** The largest document that fits whatever the sender's card, the two ids and `typ` are (bytes, before base64url). */
export const DOC_BYTES_MAX_IN_DROP = Math.floor(((FRAME_BYTES_MAX - largestFrameAroundDoc()) * 3) / 4)

function largestFrameAroundDoc(): number {
  const id = 'a'.repeat(63)
  const signature = new Uint8Array(SIGNATURE_BYTES)
  const card = { cardBytes: toBase64url(new Uint8Array(CARD_BYTES_MAX)), signature: toBase64url(signature) }
  const typ = `${'a'.repeat(15)}.${'a'.repeat(16)}`
  return writeFrame({ from: id, card, to: id, sentAtMs: TIME_MS_MAX, typ, doc: new Uint8Array(0), signature }).length
}

/** JSON that is spelled the one way `JSON.stringify` spells it: no white space, no duplicate key, no `1e3`; keys in any order. */
function parseCompactJson(bytes: Uint8Array): unknown {
  try {
    // A broken byte reads as U+FFFD, which no field may hold; a byte order mark is kept, and is not JSON.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    const json: unknown = JSON.parse(text)
    return JSON.stringify(json) === text ? json : undefined
  } catch {
    return undefined
  }
}

function hasExactly(value: unknown, fields: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const keys = Object.keys(value)
  return keys.length === fields.length && fields.every((field) => keys.includes(field))
}

function readCard(value: unknown): SignedCard | undefined {
  if (!hasExactly(value, CARD_FIELDS)) return undefined
  const { cardBytes, signature } = value
  if (typeof cardBytes !== 'string' || typeof signature !== 'string') return undefined
  const isInBounds = readBytes(cardBytes, 1, CARD_BYTES_MAX) && readBytes(signature, SIGNATURE_BYTES, SIGNATURE_BYTES)
  return isInBounds ? { cardBytes, signature } : undefined
}

function readBytes(value: unknown, bytesMin: number, bytesMax: number): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? fromBase64url(value) : undefined
  return bytes && bytes.length >= bytesMin && bytes.length <= bytesMax ? bytes : undefined
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

function isTimeMs(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TIME_MS_MAX
}
