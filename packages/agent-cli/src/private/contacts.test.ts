import { type Contact, PREKEY_LIFETIME_MS, prekeyBytes, type SignedPrekey, toBase64url } from '@agent-marketplace/protocol'
import { generatePrekey } from '@agent-marketplace/protocol/sealing'
import { sign } from '@agent-marketplace/protocol/signing'
import { openCard } from '@agent-marketplace/protocol/statements'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { confirmCard, findContact, pin } from './contacts.ts'
import { type Keyring, makeKeyring, renewCard } from './keyring.ts'
import { revokeCard } from './replace-key.ts'
import { openVault, type Vault } from './vault.ts'

const NOW = 1_700_000_000_000
const keyChanged = expect.objectContaining({ code: 'key_changed', exit: 8 })

function openTestVault(): { vault: Vault } & Disposable {
  const home = makeTestHome()
  const vault = openVault(home.path)
  return {
    vault,
    [Symbol.dispose]() {
      vault.close()
      home[Symbol.dispose]()
    },
  }
}

function contactOf({ agentId, card }: Keyring, prekey?: SignedPrekey): Contact {
  return { agentId, card, ...(prekey && { prekey }) }
}

function prekeyOf(keyring: Keyring, issuedAtMs: number, lifetimeMs = PREKEY_LIFETIME_MS): SignedPrekey {
  const unsigned = {
    agentId: keyring.agentId,
    prekey: toBase64url(generatePrekey().publicKey),
    issuedAtMs,
    expiresAtMs: issuedAtMs + lifetimeMs,
  }
  return { ...unsigned, signature: toBase64url(sign('prekey', prekeyBytes(unsigned), keyring.signKey.secretKey)) }
}

const everything = (vault: Vault) => vault.all('SELECT * FROM contacts')

test('the first key seen is pinned, and the newest card and live prekey are kept', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const [older, newer] = [prekeyOf(worker, NOW - 2_000), prekeyOf(worker, NOW - 1_000)]

  pin(vault, contactOf(worker, newer), NOW)
  const renamed = renewCard(worker, worker.card, { name: 'Worker 2' }, NOW)
  pin(vault, contactOf(renamed, older), NOW)
  const pinned = pin(vault, contactOf(worker), NOW)

  expect(pinned).toMatchObject({ name: 'Worker 2', card: renamed.card, isVerified: false })
  expect(Buffer.from(pinned.signKey).equals(worker.signKey.publicKey)).toBe(true)
  expect(toBase64url(pinned.prekey!)).toBe(newer.prekey)
  expect(findContact(vault, 'worker', newer.expiresAtMs)?.prekey).toBeUndefined()
})

test('another key is refused and kept as evidence; what was pinned stays as it is', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const impostor = makeKeyring('worker', { name: 'Worker' }, NOW)
  pin(vault, contactOf(worker), NOW)
  const before = everything(vault)

  expect(() => pin(vault, contactOf(impostor, prekeyOf(impostor, NOW)), NOW)).toThrow(keyChanged)
  expect(() => confirmCard(vault, contactOf(impostor), NOW)).toThrow(keyChanged)

  expect(everything(vault)).toEqual(before)
  expect(vault.all('SELECT * FROM key_conflicts')).toMatchObject([
    { agent_id: 'worker', card_bytes: impostor.card.cardBytes, pinned_card_bytes: worker.card.cardBytes },
  ])
})

test('a card that was changed, is of another agent, or is no card pins nobody', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const other = makeKeyring('other', { name: 'Worker' }, NOW)
  const forged = [
    { ...worker.card, signature: other.card.signature },
    { ...worker.card, cardBytes: other.card.cardBytes },
    { ...worker.card, cardBytes: toBase64url(Buffer.from('{}')) },
    { ...worker.card, cardBytes: toBase64url(Buffer.from('not json')) },
    other.card,
  ]

  for (const card of forged) {
    expect(openCard(card, 'worker')).toBeUndefined()
    expect(() => pin(vault, { agentId: 'worker', card }, NOW)).toThrow(keyChanged)
  }
  expect(everything(vault)).toEqual([])
})

test('a prekey that is not signed by the key of the card is refused, and pins nobody', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const other = makeKeyring('other', { name: 'Other' }, NOW)

  for (const prekey of [{ ...prekeyOf(other, NOW), agentId: 'worker' }, prekeyOf(other, NOW)])
    expect(() => pin(vault, contactOf(worker, prekey), NOW)).toThrow(keyChanged)
  expect(everything(vault)).toEqual([])
})

test('a revoked card is the last of its key', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const revoked = revokeCard(worker, worker.card, NOW)
  pin(vault, contactOf(worker), NOW)

  expect(pin(vault, { agentId: 'worker', card: revoked }, NOW)).toMatchObject({ isRevoked: true, card: revoked })
  const back = renewCard(worker, revoked, { name: 'Worker' }, NOW)
  expect(pin(vault, contactOf(back), NOW)).toMatchObject({ isRevoked: true, card: revoked })
})

test('a prekey that has expired, is from the future or lives too long is left aside', () => {
  using opened = openTestVault()
  const { vault } = opened
  const worker = makeKeyring('worker', { name: 'Worker' }, NOW)
  const bad = [
    prekeyOf(worker, NOW - PREKEY_LIFETIME_MS),
    prekeyOf(worker, NOW + 120_000),
    prekeyOf(worker, NOW, PREKEY_LIFETIME_MS + 1),
  ]

  for (const prekey of bad) expect(pin(vault, contactOf(worker, prekey), NOW).prekey).toBeUndefined()
  expect(pin(vault, contactOf(worker, prekeyOf(worker, NOW)), NOW).prekey).toBeDefined()
})
