import { describe, expect, test } from 'vitest'
import { generateSigningKey, sign } from '../signing/index.ts'
import {
  generatePrekey,
  matchRecord,
  type OutgoingMessage,
  openDropBody,
  parseFrame,
  prepareScanner,
  SmallOrderKeyError,
  sealMessage,
  verifyFrame,
} from './index.ts'

const alice = generateSigningKey()
const bob = generatePrekey()
const cardBytes = new TextEncoder().encode('{"v":1}')
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const message: OutgoingMessage = {
  from: 'alice',
  card: { cardBytes: base64url(cardBytes), signature: base64url(sign('card', cardBytes, alice.secretKey)) },
  signingSecret: alice.secretKey,
  to: 'bob',
  prekey: bob.publicKey,
  sentAtMs: 1_767_225_600_000,
  typ: 'message.text',
  doc: new TextEncoder().encode('two oranges, please'),
}

describe('a message', () => {
  test('goes from its sender to its recipient, who knows it is the sender’s', () => {
    const drop = sealMessage(message)

    const { keys } = matchRecord([prepareScanner(bob)], drop.record) ?? {}
    const frame = keys && parseFrame(openDropBody(drop.body, keys.bodyKey) ?? new Uint8Array())
    expect(frame?.doc).toEqual(message.doc)
    const ends = { ephemeralPublic: drop.record.subarray(0, 32), prekey: bob.publicKey }
    expect(frame && verifyFrame(frame, ends, alice.publicKey)).toBe(true)
  })

  test('sent again and again has no byte string of 6 bytes or more that stays', () => {
    const windowsOf = () => {
      const { record, slotId, deleteHash, body } = sealMessage(message)
      const bytes = Buffer.concat([record, slotId, deleteHash, body])
      return new Set(Array.from({ length: bytes.length - 5 }, (_, i) => bytes.toString('latin1', i, i + 6)))
    }
    // By chance two of them share one once in a million runs, and all three of them never.
    const [one, two, three] = [windowsOf(), windowsOf(), windowsOf()]

    expect(one.size).toBeGreaterThan(16_000)
    expect([...one].filter((window) => two.has(window) && three.has(window))).toEqual([])
  })

  test('cannot be passed on: sealed again to a third agent, its signature fails', () => {
    const carol = generatePrekey()
    const drop = sealMessage(message)
    const frame = parseFrame(openDropBody(drop.body, drop.bodyKey) ?? new Uint8Array())

    const ends = { ephemeralPublic: drop.record.subarray(0, 32), prekey: carol.publicKey }
    expect(frame && verifyFrame(frame, ends, alice.publicKey)).toBe(false)
  })

  test('is not sealed to a prekey that shares its secret with everybody', () => {
    expect(() => sealMessage({ ...message, prekey: new Uint8Array(32) })).toThrow(SmallOrderKeyError)
  })
})
