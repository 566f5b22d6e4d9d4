import { RELAY_TOKEN_EPOCH_MS, type RelayTokenClass, toBase64url } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import vectors from '../../../protocol/vectors/tokens.json' with { type: 'json' }
import { createTokenVerifier } from './token-verifier.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const modulus = (hex: string) => toBase64url(bytes(hex))
const { epoch, keys, good, bad, times, atMs } = vectors
const HOUR_MS = 3_600_000

const published = { epoch, message: modulus(keys.message.modulus), part: modulus(keys.part.modulus) }

function verifierAt(nowMs: number) {
  const clock = { nowMs }
  const verifier = createTokenVerifier(() => clock.nowMs)
  verifier.learn({ epochs: [published] })
  return { verifier, clock }
}

const verify = ({ verifier }: ReturnType<typeof verifierAt>, { token, class: name }: { token: string; class: string }) =>
  verifier.verify(bytes(token), name as RelayTokenClass)

test.each(good)('$name is taken, and remembered by its hash until its keys retire', async (each) => {
  expect(await verify(verifierAt(atMs), each)).toEqual({
    spentHash: Buffer.from(each.spentHash, 'hex'),
    forgetHour: ((epoch + 1) * RELAY_TOKEN_EPOCH_MS + HOUR_MS) / HOUR_MS,
  })
})

describe('refused is', () => {
  test.each(bad)('$name', async (each) => {
    expect(await verify(verifierAt(atMs), each)).toBeUndefined()
  })

  test('every token before a key is known', async () => {
    expect(await createTokenVerifier(() => atMs).verify(bytes(good[0]!.token), 'message')).toBeUndefined()
  })
})

test.each(times)('$name a token is good: $isGood', async ({ atMs: lookedAtMs, isGood }) => {
  const { verifier, clock } = verifierAt(atMs)
  clock.nowMs = lookedAtMs
  expect((await verify({ verifier, clock }, good[0]!)) !== undefined).toBe(isGood)
})

describe('the keys', () => {
  const next = { ...published, epoch: epoch + 1 }

  test('that are shown are those of this epoch and the next', () => {
    const { verifier, clock } = verifierAt(atMs)
    verifier.learn({ epochs: [{ ...published, epoch: epoch - 1 }, next, { ...published, epoch: epoch + 2 }] })
    expect(verifier.epochs()).toEqual([published, next])

    clock.nowMs += RELAY_TOKEN_EPOCH_MS
    expect(verifier.epochs()).toEqual([next, { ...published, epoch: epoch + 2 }])
  })

  test('of an epoch that is over are kept as long as its tokens are good, also if they are no longer published', async () => {
    const { verifier, clock } = verifierAt((epoch + 1) * RELAY_TOKEN_EPOCH_MS)
    expect(verifier.learn({ epochs: [next] })).toBe(1)
    expect(await verify({ verifier, clock }, good[0]!)).toBeDefined()

    clock.nowMs += HOUR_MS
    expect(verifier.learn({ epochs: [next] })).toBe(0)
    clock.nowMs -= HOUR_MS
    expect(await verify({ verifier, clock }, good[0]!)).toBeUndefined()
  })

  test('that replace others of an epoch are the ones that count', async () => {
    const { verifier, clock } = verifierAt(atMs)
    verifier.learn({ epochs: [{ ...published, message: published.part }] })
    expect(await verify({ verifier, clock }, good[0]!)).toBeUndefined()
    expect(await verify({ verifier, clock }, good[1]!)).toBeDefined()
  })
})
