import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import {
  countTokens,
  dropToken,
  findBlind,
  forgetBlinds,
  forgetExpiredTokens,
  keepBlinds,
  keepToken,
  type TokenKeyName,
  takeToken,
} from './tokens.ts'
import { openVault, type Vault } from './vault.ts'

const key: TokenKeyName = { keyId: randomBytes(32), tokenClass: 'message', expiresAtMs: 1_000 }

let vault: Vault
let again: Vault
beforeEach(() => {
  const home = makeTestHome()
  vault = openVault(home.path)
  again = openVault(home.path)
  onTestFinished(() => {
    vault.close()
    again.close()
    home[Symbol.dispose]()
  })
})

function fill(count: number, of = key): Uint8Array[] {
  const tokens = Array.from({ length: count }, () => new Uint8Array(randomBytes(324)))
  for (const token of tokens) keepToken(vault, of, token, randomBytes(256))
  return tokens
}
const slot = () => new Uint8Array(randomBytes(16))

describe('the stock', () => {
  test('gives every token once, in no order, also to two processes', () => {
    const tokens = fill(40)
    const taken = tokens.map((_, index) => takeToken(index % 2 ? vault : again, key.keyId, slot())!)

    expect(taken.map(String).sort()).toEqual(tokens.map(String).sort())
    expect(taken.map(String)).not.toEqual(tokens.map(String))
    expect(takeToken(vault, key.keyId, slot())).toBeUndefined()
  })

  test('gives a slot the token it was given before, until that is dropped', () => {
    fill(5)
    const one = slot()
    const token = takeToken(vault, key.keyId, one)!
    expect(takeToken(again, key.keyId, one)).toEqual(token)
    expect(takeToken(vault, key.keyId, slot())).not.toEqual(token)

    dropToken(vault, token)
    expect(takeToken(vault, key.keyId, one)).not.toEqual(token)
  })

  test('gives no token of another key, to a slot it was promised to neither', () => {
    const other = { ...key, keyId: randomBytes(32) }
    fill(1, other)
    const one = slot()
    expect(takeToken(vault, key.keyId, one)).toBeUndefined()
    expect(takeToken(vault, other.keyId, one)).toBeDefined()
    expect(takeToken(vault, key.keyId, one)).toBeUndefined()
  })

  test('counts what is not promised to a slot and not over, by class', () => {
    fill(3)
    fill(2, { keyId: randomBytes(32), tokenClass: 'part', expiresAtMs: 2_000 })
    takeToken(vault, key.keyId, slot())
    expect(countTokens(vault, 999)).toEqual({ message: 2, part: 2 })
    expect(countTokens(vault, 1_000)).toEqual({ message: 0, part: 2 })
  })

  test('forgets what is over', () => {
    fill(3)
    keepBlinds(vault, key, [blind()])
    const kept = fill(1, { ...key, expiresAtMs: 2_000 })
    forgetExpiredTokens(vault, 1_000)
    expect(takeToken(vault, key.keyId, slot())).toEqual(kept[0])
    expect(takeToken(vault, key.keyId, slot())).toBeUndefined()
    expect(vault.all('SELECT * FROM relay_blinds')).toEqual([])
  })
})

const blind = () => {
  const [blinded, nonce, randomizer, inverse] = [randomBytes(256), randomBytes(32), randomBytes(32), randomBytes(256)]
  return { blinded, nonce, randomizer, inverse }
}

test('a blind is there until its token is in stock, or it is forgotten', () => {
  const blinds = [blind(), blind()] as const
  keepBlinds(vault, key, blinds)
  expect(Buffer.from(findBlind(again, blinds[0].blinded)!.inverse).equals(blinds[0].inverse)).toBe(true)

  keepToken(vault, key, randomBytes(324), blinds[0].blinded)
  forgetBlinds(vault, [blinds[1].blinded])
  expect(blinds.map(({ blinded }) => findBlind(vault, blinded))).toEqual([undefined, undefined])
})
