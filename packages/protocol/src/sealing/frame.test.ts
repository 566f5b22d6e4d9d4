import { fc, it } from '@fast-check/vitest'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/drop.json' with { type: 'json' }
import { fromBase64url, toBase64url } from '../base64url.ts'
import { AgentId } from '../ids.ts'
import { CARD_BYTES_MAX } from '../limits.ts'
import { FRAME_BYTES_MAX } from './drop.ts'
import { buildFrame, DOC_BYTES_MAX_IN_DROP, parseFrame, verifyFrame } from './frame.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const utf8 = (text: string) => new TextEncoder().encode(text)

const { good } = vectors
const ends = { ephemeralPublic: bytes(good.ephemeralPublic), prekey: bytes(good.prekeyPublic) }
const sender = nacl.sign.keyPair.fromSeed(bytes(good.senderSeed))
const json = JSON.parse(good.frame)
const message = {
  from: 'alice',
  card: json.card,
  to: 'bob',
  sentAtMs: json.sentAtMs,
  typ: json.typ,
  doc: bytes(good.doc),
  ...ends,
  signingSecret: sender.secretKey,
}

describe('a frame', () => {
  test('is built as the vector says, reads back and verifies', () => {
    const frame = parseFrame(utf8(good.frame))

    expect(new TextDecoder().decode(buildFrame(message))).toBe(good.frame)
    expect(frame).toMatchObject({ from: 'alice', to: 'bob', typ: 'message.text', card: json.card, doc: bytes(good.doc) })
    expect(frame && verifyFrame(frame, ends, bytes(good.senderPublic))).toBe(true)
  })

  test('may have its fields in another order', () => {
    expect(parseFrame(utf8(JSON.stringify(Object.fromEntries(Object.entries(json).reverse()))))).not.toBeNull()
  })

  test.for(vectors.badFrames.cases)('is refused: $name ($reason)', ({ text }) => {
    expect(parseFrame(utf8(text))).toBeNull()
  })

  test('is refused in broken UTF-8 and beyond its longest length', () => {
    const lone = utf8(good.frame.replace('bob', 'b?b')).map((byte) => (byte === 0x3f ? 0xff : byte))
    const long = utf8(JSON.stringify({ ...json, doc: 'AAAA'.repeat(FRAME_BYTES_MAX / 4) }))

    expect(parseFrame(lone)).toBeNull()
    expect(parseFrame(long)).toBeNull()
  })

  test.for(vectors.badSignatures.cases)('does not verify: $name ($reason)', (bad) => {
    const frame = parseFrame(utf8(JSON.stringify({ ...json, ...bad.frame })))
    const changedEnds = {
      ephemeralPublic: bad.ends?.ephemeralPublic ? bytes(bad.ends.ephemeralPublic) : ends.ephemeralPublic,
      prekey: bad.ends?.prekey ? bytes(bad.ends.prekey) : ends.prekey,
    }

    expect(frame).not.toBeNull()
    expect(frame && verifyFrame(frame, changedEnds, sender.publicKey)).toBe(false)
  })

  it.prop([fc.nat(), fc.nat({ max: 255 })])(
    'with any byte replaced is refused, fails to verify, or says the same document',
    (at, byte) => {
      const changed = utf8(good.frame)
      changed[at % changed.length] = byte
      const frame = parseFrame(changed)

      if (frame && verifyFrame(frame, ends, sender.publicKey))
        expect([frame.typ, frame.doc]).toEqual(['message.text', bytes(good.doc)])
    },
  )

  const letters = fc.constantFrom(...'ab0cd1ef2gh3'.repeat(4), ...'._-A')
  it.prop([fc.oneof(fc.string({ maxLength: 66, size: 'max' }), fc.string({ maxLength: 66, size: 'max', unit: letters }))])(
    'names exactly the agents the wire can name',
    (id) => {
      expect(parseFrame(utf8(JSON.stringify({ ...json, from: id }))) !== null).toBe(AgentId.safeParse(id).success)
    },
  )

  test('always has room for the promised document, at worst exactly', () => {
    const doc = new Uint8Array(DOC_BYTES_MAX_IN_DROP).fill(0xff)
    const card = { cardBytes: toBase64url(new Uint8Array(CARD_BYTES_MAX)), signature: json.card.signature }
    const id = 'x'.repeat(63)
    const longest = {
      ...message,
      from: id,
      to: id,
      card,
      sentAtMs: 8_640_000_000_000_000,
      typ: `${'a'.repeat(15)}.${'b'.repeat(16)}`,
    }

    expect(buildFrame({ ...longest, doc }).length).toBeGreaterThan(FRAME_BYTES_MAX - 4)
    expect(() => buildFrame({ ...longest, doc: new Uint8Array(doc.length + 3) })).toThrow(RangeError)
  })

  test('that the reader would refuse is not built', () => {
    expect(() => buildFrame({ ...message, from: 'No' })).toThrow(RangeError)
    expect(() => buildFrame({ ...message, typ: 'message.text\norder' })).toThrow(RangeError)
    expect(() => buildFrame({ ...message, doc: new Uint8Array(0) })).toThrow(RangeError)
  })

  test('carries its card unchanged', () => {
    expect(fromBase64url(json.card.cardBytes)).toBeDefined()
    expect(parseFrame(buildFrame(message))?.card).toEqual(json.card)
  })
})
