import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unpackDebian } from '../../packages/platform-server/test/debian.ts'
import { importPublicKey, importSecretKey, shareScanned, shareSecret } from '../../packages/protocol/src/sealing/x25519.ts'
import { openSigningKey, signDetached, verifyDetached } from '../../packages/protocol/src/signing/ed25519.ts'

/** Cases made by Project Wycheproof against known mistakes in cryptographic code. Debian has them with the library whose tests they are. */
const PACKAGE = 'golang-github-cloudflare-circl-dev'
const LIBRARY = 'usr/share/gocode/src/github.com/cloudflare/circl'

interface X25519Case {
  readonly tcId: number
  readonly public: string
  readonly private: string
  readonly shared: string
}

interface Ed25519Case {
  readonly tcId: number
  readonly msg: string
  readonly sig: string
  readonly result: 'valid' | 'invalid'
}

let place: string
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'wycheproof-'))
  unpackDebian([PACKAGE], place)
}, 120_000)
afterAll(() => rmSync(place, { recursive: true, force: true }))

const load = (path: string) => JSON.parse(readFileSync(join(place, LIBRARY, path), 'utf8'))
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array | null) => value && Buffer.from(value).toString('hex')

/** `null` where it refuses. */
function shared(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    return shareSecret(secretKey, publicKey)
  } catch {
    return null
  }
}

test('X25519 gives what every case says, to who sends and to who scans, and refuses every secret that is all zero', () => {
  const cases: X25519Case[] = load('dh/x25519/testdata/wycheproof_kat.json')
  const zero = '00'.repeat(32)
  const given = cases.map(({ tcId, ...each }) => {
    const [secretKey, publicKey] = [bytes(each.private), bytes(each.public)]
    // Scanning needs a public half of the secret key beside it, which the result does not depend on.
    const scanned = shareScanned(importSecretKey({ secretKey, publicKey }), importPublicKey(publicKey))
    return { tcId, sent: hex(shared(secretKey, publicKey)), scanned: hex(scanned) }
  })
  const wanted = cases.map(({ tcId, shared }) => {
    const secret = shared === zero ? null : shared
    return { tcId, sent: secret, scanned: secret }
  })

  expect(given).toEqual(wanted)
  expect(given.length).toBeGreaterThanOrEqual(87)
  expect(given.filter(({ sent }) => sent === null).length).toBeGreaterThanOrEqual(10)
})

test('Ed25519 verifies what is valid and nothing else, and signs as the valid cases do', () => {
  const groups: { key: { pk: string; sk: string }; tests: Ed25519Case[] }[] = load(
    'sign/ed25519/testdata/wycheproof_Ed25519.json',
  ).testGroups
  const cases = groups.flatMap(({ key, tests }) => tests.map((each) => ({ ...each, ...key })))
  const verified = cases.map(({ tcId, msg, sig, pk }) => ({ tcId, isValid: verifyDetached(bytes(msg), bytes(sig), bytes(pk)) }))

  expect(verified).toEqual(cases.map(({ tcId, result }) => ({ tcId, isValid: result === 'valid' })))
  expect(verified.length).toBeGreaterThanOrEqual(145)
  for (const { tcId, msg, sig, pk, sk, result } of cases) {
    if (result !== 'valid') continue
    const key = openSigningKey(bytes(sk + pk))
    expect(key && hex(signDetached(bytes(msg), key.secretKey)), `case ${tcId}`).toBe(sig)
  }
})
