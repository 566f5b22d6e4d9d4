import { describe, expect, test } from 'vitest'
import vectors from '../vectors/tokens.json' with { type: 'json' }
import {
  BODY_BYTES_MAX,
  decodeRelayToken,
  encodeRelayToken,
  IssueRelayTokensInput,
  isRelayTokenEpochSpendable,
  RELAY_TOKEN_EPOCH_MS,
  RELAY_TOKENS_PER_CALL_MAX,
  RelayTokenClass,
  RelayTokenKeys,
  relayTokenEpochAt,
  relayTokenEpochRetiresAtMs,
  relayTokenMessage,
  toBase64url,
} from './index.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

describe.each(vectors.good)('$name', ({ class: name, epoch, nonce, randomizer, message, token }) => {
  test('is written and read as its bytes', () => {
    const parts = { epoch, nonce: bytes(nonce), randomizer: bytes(randomizer), signature: bytes(token).subarray(-256) }
    expect(hex(encodeRelayToken(parts))).toBe(token)
    expect(decodeRelayToken(bytes(token))).toEqual(parts)
  })

  test('is a signature of this message', () => {
    expect(hex(relayTokenMessage(RelayTokenClass.parse(name), { epoch, nonce: bytes(nonce) }))).toBe(message)
  })
})

test.each([0, 323, 325])('%d bytes are no token', (length) => {
  expect(decodeRelayToken(new Uint8Array(length))).toBeUndefined()
})

test.each(vectors.times)('$name tokens are good: $isGood', ({ atMs, isGood }) => {
  expect(isRelayTokenEpochSpendable(vectors.epoch, atMs)).toBe(isGood)
})

test('an epoch is a week, and ends where the next one begins', () => {
  const startMs = vectors.epoch * RELAY_TOKEN_EPOCH_MS
  expect([startMs - 1, startMs, startMs + RELAY_TOKEN_EPOCH_MS - 1].map(relayTokenEpochAt)).toEqual([
    vectors.epoch - 1,
    vectors.epoch,
    vectors.epoch,
  ])
  expect(isRelayTokenEpochSpendable(vectors.epoch, relayTokenEpochRetiresAtMs(vectors.epoch))).toBe(false)
})

test('a full call fits in a body', () => {
  const blinded = Array(RELAY_TOKENS_PER_CALL_MAX).fill(toBase64url(new Uint8Array(256)))
  const input = { epoch: 0xffff_ffff, class: 'message', blinded }
  expect(JSON.stringify(IssueRelayTokensInput.parse(input)).length).toBeLessThan(BODY_BYTES_MAX)
  expect(IssueRelayTokensInput.safeParse({ ...input, blinded: [...blinded, blinded[0]] }).success).toBe(false)
})

test('a modulus has 2048 bits and is odd', () => {
  const modulus = bytes(vectors.keys.message.modulus)
  const even = modulus.with(255, modulus.at(-1)! & 0xfe)
  const short = modulus.with(0, modulus[0]! & 0x7f)
  const keys = (message: Uint8Array) => ({ epochs: [{ epoch: 1, message: toBase64url(message), part: toBase64url(modulus) }] })
  expect([modulus, even, short].map((each) => RelayTokenKeys.safeParse(keys(each)).success)).toEqual([true, false, false])
})
