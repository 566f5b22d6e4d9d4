import { fc, it } from '@fast-check/vitest'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/drop.json' with { type: 'json' }
import { sha256 } from '../signing/index.ts'
import { FRAME_BYTES_MAX, matchRecord, openDropBody, prepareScanner, sealDrop } from './drop.ts'
import { generatePrekey, SmallOrderKeyError, shareSecret } from './x25519.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

const { good } = vectors
const ephemeral = { secretKey: bytes(good.ephemeralSecret), publicKey: bytes(good.ephemeralPublic) }
const prekey = { secretKey: bytes(good.prekeySecret), publicKey: bytes(good.prekeyPublic) }
const frame = new TextEncoder().encode(good.frame)
const sealed = sealDrop({ frame, ephemeral, prekey: prekey.publicKey, nonce: bytes(good.nonce) })
const scanner = prepareScanner(prekey)
const names = ['tag', 'readCap', 'deleteCap', 'bodyKey', 'slotId', 'deleteHash'] as const

describe('the drop vector', () => {
  test('gives every derived value, the record and the body', () => {
    expect(hex(shareSecret(ephemeral.secretKey, prekey.publicKey))).toBe(good.sharedSecret)
    for (const name of names) expect([name, hex(sealed[name])]).toEqual([name, good[name]])
    expect(hex(sealed.record)).toBe(good.record)
    expect(hex(sealed.body.subarray(0, 64))).toBe(good.bodyStart)
    expect(hex(sha256(sealed.body))).toBe(good.bodySha256)
  })

  test('is found by its recipient, who derives the same and reads the frame', () => {
    const { keys } = matchRecord([scanner], bytes(good.record)) ?? {}

    for (const name of names) expect([name, hex(keys?.[name] ?? new Uint8Array())]).toEqual([name, good[name]])
    expect(openDropBody(sealed.body, bytes(good.bodyKey))).toEqual(frame)
  })

  test.for(vectors.badBodies.cases)('does not open: $name ($reason)', ({ change, bodySha256 }) => {
    const body = changeBody(sealed.body, change)

    expect(hex(sha256(body))).toBe(bodySha256)
    expect(openDropBody(body, sealed.bodyKey)).toBeNull()
  })

  test.for(vectors.badRecords.cases)('is not matched: $name ($reason)', ({ record }) => {
    expect(matchRecord([scanner], bytes(record))).toBeNull()
  })

  test.for(vectors.weakPublicKeys.cases)(
    'nothing is sealed to, or matched from, the key of small order $name',
    ({ publicKey }) => {
      expect(() => sealDrop({ frame, ephemeral, prekey: bytes(publicKey) })).toThrow(SmallOrderKeyError)
      expect(matchRecord([scanner], bytes(publicKey + good.tag))).toBeNull()
    },
  )
})

describe('any drop', () => {
  it.prop([fc.oneof(fc.nat({ max: FRAME_BYTES_MAX }), fc.constantFrom(0, 1, FRAME_BYTES_MAX)), fc.nat({ max: 255 })], {
    numRuns: 50,
  })('opens to the frame it was sealed from, and weighs the same whatever that is', (length, byte) => {
    const sent = new Uint8Array(length).fill(byte)
    const drop = sealDrop({ frame: sent, ephemeral: generatePrekey(), prekey: prekey.publicKey })
    const { keys } = matchRecord([scanner], drop.record) ?? {}

    expect([drop.record.length, drop.body.length]).toEqual([40, 16_384])
    expect(keys?.readCap).toEqual(drop.readCap)
    expect(keys && openDropBody(drop.body, keys.bodyKey)).toEqual(sent)
  })

  it.prop([fc.nat({ max: 16_383 }), fc.integer({ min: 1, max: 255 })])('does not open with one byte changed', (at, mask) => {
    const body = sealed.body.map((byte, i) => (i === at ? byte ^ mask : byte))

    expect(openDropBody(body, sealed.bodyKey)).toBeNull()
  })

  test('is nobody else’s: another prekey does not match it and another key does not open it', () => {
    expect(matchRecord([prepareScanner(generatePrekey())], sealed.record)).toBeNull()
    expect(openDropBody(sealed.body, sealed.readCap)).toBeNull()
  })

  test('is found by the one prekey of several that it was sealed to', () => {
    const others = [generatePrekey(), generatePrekey()].map(prepareScanner)

    const match = matchRecord([others[0]!, scanner, others[1]!], sealed.record)
    expect(match?.prekey).toEqual(prekey.publicKey)
    expect(match?.keys.slotId).toEqual(sealed.slotId)
    expect(matchRecord(others, sealed.record)).toBeNull()
    expect(matchRecord([], sealed.record)).toBeNull()
  })

  test('takes a fresh nonce each time it is sealed', () => {
    const again = sealDrop({ frame, ephemeral, prekey: prekey.publicKey })

    expect(again.body.subarray(0, 24)).not.toEqual(sealDrop({ frame, ephemeral, prekey: prekey.publicKey }).body.subarray(0, 24))
  })

  test('a frame one byte too long and a record of another length are errors', () => {
    expect(() => sealDrop({ frame: new Uint8Array(FRAME_BYTES_MAX + 1), ephemeral, prekey: prekey.publicKey })).toThrow(
      RangeError,
    )
    expect(() => matchRecord([scanner], sealed.record.subarray(1))).toThrow(RangeError)
  })
})

type Change = {
  flip?: number
  truncate?: number
  append?: string
  plaintext?: { offset: number; bytes: string }
  plaintextBytes?: number
}

function changeBody(body: Uint8Array, { flip, truncate, append, plaintext, plaintextBytes }: Change): Uint8Array {
  if (flip !== undefined) return body.map((byte, i) => (i === flip ? byte ^ 1 : byte))
  if (truncate !== undefined) return body.subarray(0, truncate)
  if (append !== undefined) return Buffer.concat([body, bytes(append)])
  const nonce = body.subarray(0, 24)
  const opened = nacl.secretbox.open(body.subarray(24), nonce, sealed.bodyKey) ?? new Uint8Array()
  const resealed = new Uint8Array(plaintextBytes ?? opened.length)
  resealed.set(opened.subarray(0, plaintextBytes))
  if (plaintext !== undefined) resealed.set(bytes(plaintext.bytes), plaintext.offset)
  return Buffer.concat([nonce, nacl.secretbox(resealed, nonce, sealed.bodyKey)])
}
