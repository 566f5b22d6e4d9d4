import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  fromBase64url,
  PREKEY_DESTROY_AFTER_EXPIRY_MS,
  PREKEY_LIFETIME_MS,
  PREKEY_RENEW_AFTER_MS,
  prekeyBytes,
} from '@agent-marketplace/protocol'
import { verify } from '@agent-marketplace/protocol/signing'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { makeKeyring } from './keyring.ts'
import { currentPrekey, livePrekeys, markPublished } from './prekeys.ts'
import { openVault } from './vault.ts'

const NOW = 1_700_000_000_000
const keyring = makeKeyring('worker', { name: 'Worker' }, NOW)

test('a prekey is signed, kept with its secret, and given again until it is a week old', () => {
  using home = makeTestHome()
  const vault = openVault(home.path)
  const first = currentPrekey(vault, keyring, NOW)

  expect(first.isPublished).toBe(false)
  expect(verify('prekey', prekeyBytes(first.signed), fromBase64url(first.signed.signature)!, keyring.signKey.publicKey)).toBe(
    true,
  )
  markPublished(vault, first.signed)
  expect(currentPrekey(vault, keyring, NOW + PREKEY_RENEW_AFTER_MS - 1)).toEqual({ signed: first.signed, isPublished: true })

  const second = currentPrekey(vault, keyring, NOW + PREKEY_RENEW_AFTER_MS)
  expect(second.signed.prekey).not.toBe(first.signed.prekey)
  expect(second.isPublished).toBe(false)
  expect(livePrekeys(vault, NOW + PREKEY_RENEW_AFTER_MS)).toHaveLength(2)
  vault.close()
})

test('a secret half is usable until seven days after expiry, and then destroyed', () => {
  using home = makeTestHome()
  const vault = openVault(home.path)
  currentPrekey(vault, keyring, NOW)
  const endMs = NOW + PREKEY_LIFETIME_MS + PREKEY_DESTROY_AFTER_EXPIRY_MS
  const [{ secretKey } = { secretKey: new Uint8Array() }] = livePrekeys(vault, NOW)
  const filesWithSecret = () =>
    readdirSync(home.path).filter((name) => readFileSync(join(home.path, name)).includes(Buffer.from(secretKey)))
  expect(filesWithSecret()).not.toEqual([])

  expect(livePrekeys(vault, endMs - 1)).toHaveLength(1)
  expect(livePrekeys(vault, endMs)).toHaveLength(0)
  currentPrekey(vault, keyring, endMs)
  expect(vault.all('SELECT issued_at_ms FROM prekeys')).toEqual([{ issued_at_ms: endMs }])
  expect(filesWithSecret()).toEqual([])
  vault.close()
})
