import { join } from 'node:path'
import { type AgentCard, fromBase64url, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey, SIGN_SECRET_KEY_BYTES, type SigningKey, sha256, sign } from '@agent-marketplace/protocol/signing'
import { hashOf } from '@agent-marketplace/protocol/statements'
import { localState } from '../agent/cli-error.ts'
import { ensurePrivateDirectory, readPrivateFile, removePrivateFile, writePrivateFile } from './files.ts'

export const KEYRING_FILE = 'keyring.json'

/** The identity of one profile. `signKey.secretKey` and `recoverySecret` (64 bytes each) never leave this machine but once, for the latter. */
export interface Keyring {
  readonly agentId: string
  readonly signKey: SigningKey
  /** Own card as it was signed last. */
  readonly card: SignedCard
  /** Kept only until the platform has confirmed the first registration and it was shown. */
  readonly recoverySecret?: Uint8Array
}

/** What a card says of its agent besides its keys. */
export interface CardText {
  readonly name: string
  readonly description?: string | undefined
}

interface KeyringFile {
  v: 1
  agentId: string
  signSecret: string
  card: SignedCard
  recoverySecret?: string
}

/** Make a new identity with its first card (`seq` 1). Nothing is written. */
export function makeKeyring(agentId: string, text: CardText, nowMs: number): Keyring {
  const signKey = generateSigningKey()
  const recovery = generateSigningKey()
  const card = signCard(
    {
      v: 1,
      agentId,
      seq: 1,
      signKey: toBase64url(signKey.publicKey),
      recoveryKeyHash: toBase64url(sha256(recovery.publicKey)),
      ...cardText(text),
      status: 'active',
      issuedAtMs: nowMs,
    },
    signKey.secretKey,
  )
  return { agentId, signKey, card, recoverySecret: recovery.secretKey }
}

/** The same identity with the card that follows `before`: `seq` grows by one, `previous` names it. Nothing is written. */
export function renewCard(keyring: Keyring, before: SignedCard, text: CardText, nowMs: number): Keyring {
  const { seq } = readOwnCard(before)
  const next = nextCard(keyring, { ...text, seq: seq + 1, previous: hashOf(before), nowMs })
  return { ...keyring, card: signCard(next, keyring.signKey.secretKey) }
}

/** The same identity with a first card, for a platform that has none of it. Nothing is written. */
export function restartCards(keyring: Keyring, nowMs: number): Keyring {
  const { name, description } = readOwnCard(keyring.card)
  return { ...keyring, card: signCard(nextCard(keyring, { name, description, seq: 1, nowMs }), keyring.signKey.secretKey) }
}

/** What a card of our own says. It was signed here, so it is read as it is. */
export function readOwnCard(card: SignedCard): AgentCard {
  return JSON.parse(Buffer.from(card.cardBytes, 'base64url').toString('utf8')) as AgentCard
}

/**
 * Read the keyring of a profile.
 *
 * @returns `undefined` if the profile has none.
 * @throws CliError `local_state` if the file is exposed, somebody else's or damaged.
 */
export function readKeyring(directory: string): Keyring | undefined {
  const path = join(directory, KEYRING_FILE)
  const bytes = readPrivateFile(path)
  if (bytes === undefined) return undefined
  const keyring = parseKeyring(bytes)
  if (keyring === undefined) throw localState(`${path} is damaged`, { hint: 'restore it from a backup made with `key backup`' })
  return keyring
}

/** Write the keyring durably, 0600. */
export function writeKeyring(directory: string, keyring: Keyring): void {
  const { agentId, signKey, card, recoverySecret } = keyring
  const file: KeyringFile = {
    v: 1,
    agentId,
    signSecret: toBase64url(signKey.secretKey),
    card,
    ...(recoverySecret && { recoverySecret: toBase64url(recoverySecret) }),
  }
  ensurePrivateDirectory(directory)
  writePrivateFile(join(directory, KEYRING_FILE), `${JSON.stringify(file)}\n`)
}

/** Remove the keyring of an identity that no platform took. */
export function removeKeyring(directory: string): void {
  removePrivateFile(join(directory, KEYRING_FILE))
}

/** The keyring without the recovery secret: it was shown and is kept by its owner alone. */
export function forgetRecovery({ recoverySecret: _, ...kept }: Keyring): Keyring {
  return kept
}

/** Sign a card of one's own; its bytes are the JSON as it is spelled here. */
export function signCard(card: AgentCard, secretKey: Uint8Array): SignedCard {
  const bytes = new TextEncoder().encode(JSON.stringify(card))
  return { cardBytes: toBase64url(bytes), signature: toBase64url(sign('card', bytes, secretKey)) }
}

function nextCard(
  { agentId, signKey, card }: Keyring,
  { seq, previous, nowMs, ...text }: CardText & { seq: number; previous?: string; nowMs: number },
): AgentCard {
  return {
    v: 1,
    agentId,
    seq,
    signKey: toBase64url(signKey.publicKey),
    recoveryKeyHash: readOwnCard(card).recoveryKeyHash,
    ...cardText(text),
    status: 'active',
    issuedAtMs: nowMs,
    ...(previous !== undefined && { previous }),
  }
}

function cardText({ name, description }: CardText): { name: string; description?: string } {
  return { name, ...(description !== undefined && description !== '' && { description }) }
}

function parseKeyring(bytes: Uint8Array): Keyring | undefined {
  let file: Partial<KeyringFile> | null
  try {
    file = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<KeyringFile> | null
  } catch {
    return undefined
  }
  const secretKey = readSecret(file?.signSecret)
  const recoverySecret = readSecret(file?.recoverySecret)
  if (file?.v !== 1 || typeof file.agentId !== 'string' || secretKey === undefined) return undefined
  if (typeof file.card?.cardBytes !== 'string' || typeof file.card.signature !== 'string') return undefined
  // The second half of an Ed25519 secret key is the public key.
  const signKey = { publicKey: secretKey.slice(32), secretKey }
  return { agentId: file.agentId, signKey, card: file.card, ...(recoverySecret && { recoverySecret }) }
}

function readSecret(text: unknown): Uint8Array | undefined {
  const bytes = typeof text === 'string' ? fromBase64url(text) : undefined
  return bytes?.length === SIGN_SECRET_KEY_BYTES ? bytes : undefined
}
