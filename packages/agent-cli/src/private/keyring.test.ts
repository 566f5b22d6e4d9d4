import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBase64url, toBase64url } from '@agent-marketplace/protocol'
import { sha256 } from '@agent-marketplace/protocol/signing'
import { openCard } from '@agent-marketplace/protocol/statements'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import {
  forgetRecovery,
  KEYRING_FILE,
  makeKeyring,
  readKeyring,
  readOwnCard,
  renewCard,
  restartCards,
  writeKeyring,
} from './keyring.ts'

test('a new identity has a genuine first card that commits to its recovery key', () => {
  const keyring = makeKeyring('worker', { name: 'Worker', description: 'Extracts.' }, 1_000)
  const card = openCard(keyring.card, 'worker')

  expect(card).toMatchObject({ v: 1, seq: 1, name: 'Worker', description: 'Extracts.', status: 'active', issuedAtMs: 1_000 })
  expect(card?.signKey).toBe(toBase64url(keyring.signKey.publicKey))
  expect(card?.recoveryKeyHash).toBe(toBase64url(sha256(keyring.recoverySecret!.slice(32))))
})

test('a keyring comes back from disk as it was, 0600', () => {
  using home = makeTestHome()
  const keyring = makeKeyring('worker', { name: 'Worker' }, 1_000)
  writeKeyring(home.path, keyring)

  expect(readKeyring(home.path)).toEqual(keyring)
  expect(statSync(join(home.path, KEYRING_FILE)).mode & 0o777).toBe(0o600)

  writeKeyring(home.path, forgetRecovery(keyring))
  expect(readKeyring(home.path)?.recoverySecret).toBeUndefined()
})

test('the next card follows the one before it', () => {
  const keyring = makeKeyring('worker', { name: 'Worker', description: 'Extracts.' }, 1_000)
  const next = renewCard(keyring, keyring.card, { name: 'Worker 2' }, 2_000)

  expect(openCard(next.card, 'worker')).toEqual({
    ...readOwnCard(keyring.card),
    description: undefined,
    seq: 2,
    name: 'Worker 2',
    issuedAtMs: 2_000,
    previous: toBase64url(sha256(fromBase64url(keyring.card.cardBytes)!)),
  })
  expect(openCard(restartCards(next, 3_000).card, 'worker')).toMatchObject({ seq: 1, name: 'Worker 2', issuedAtMs: 3_000 })
})

test('no keyring is undefined; an exposed or damaged one is refused', () => {
  using home = makeTestHome()
  expect(readKeyring(home.path)).toBeUndefined()

  const path = join(home.path, KEYRING_FILE)
  for (const damage of ['', '{', 'null', '{"v":2}', '{"v":1,"agentId":"a","signSecret":"AAAA","card":{}}']) {
    writeFileSync(path, damage, { mode: 0o600 })
    expect(() => readKeyring(home.path)).toThrow(
      expect.objectContaining({ code: 'local_state', message: expect.stringMatching(/damaged/) }),
    )
  }

  writeKeyring(home.path, makeKeyring('worker', { name: 'Worker' }, 1_000))
  chmodSync(path, 0o604)
  expect(() => readKeyring(home.path)).toThrow(expect.objectContaining({ code: 'local_state' }))
})
