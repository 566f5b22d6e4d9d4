import type { SignedCard, SignedPrekey } from '@agent-marketplace/protocol'
import { fromBase64url, toBase64url } from '@agent-marketplace/protocol'
import { openSigningKey } from '@agent-marketplace/protocol/signing'
import { openCard } from '@agent-marketplace/protocol/statements'
import { markVerified, repin } from './contacts.ts'
import { findNextIdentity } from './key-change.ts'
import { type Keyring, writeKeyring } from './keyring.ts'
import { listContacts } from './pinned.ts'
import { currentPrekey, keepRestoredPrekey, listPrekeys } from './prekeys.ts'
import type { Vault } from './vault.ts'

/** What a backup holds, as JSON inside the encrypted file. Secrets are base64url. */
interface BackupFile {
  v: 1
  kind: 'agent-marketplace/key-backup'
  agentId: string
  signSecret: string
  card: SignedCard
  recoverySecret?: string
  /** Own prekeys that others may still seal to, with their secret halves. */
  prekeys: { signed: SignedPrekey; secret: string }[]
  /** Whom this machine has pinned. */
  contacts: { agentId: string; card: SignedCard; verified: boolean }[]
}

/** What of a profile cannot be had again: identity key, live prekeys, pins. No messages, no files, no tokens. */
export function writeBackup(vault: Vault, keyring: Keyring, nowMs: number): string {
  // What a message claimed is no pin: it would come back as one.
  const pins = listContacts(vault, nowMs).filter(({ isClaimed }) => !isClaimed)
  const file: BackupFile = {
    v: 1,
    kind: 'agent-marketplace/key-backup',
    agentId: keyring.agentId,
    signSecret: toBase64url(keyring.signKey.secretKey),
    card: keyring.card,
    ...(keyring.recoverySecret && { recoverySecret: toBase64url(keyring.recoverySecret) }),
    prekeys: listPrekeys(vault, nowMs).map(({ signed, secretKey }) => ({ signed, secret: toBase64url(secretKey) })),
    contacts: pins.map(({ agentId, card, isVerified }) => ({ agentId, card, verified: isVerified })),
  }
  return JSON.stringify(file)
}

/**
 * Read a backup.
 *
 * @returns `undefined` for anything else than a whole backup of one identity.
 */
export function readBackup(text: string): BackupFile | undefined {
  let file: Partial<BackupFile> | null
  try {
    file = JSON.parse(text) as Partial<BackupFile> | null
  } catch {
    return undefined
  }
  if (file?.v !== 1 || file.kind !== 'agent-marketplace/key-backup' || typeof file.agentId !== 'string') return undefined
  const { signSecret, card, prekeys, contacts } = file
  const secret = typeof signSecret === 'string' ? fromBase64url(signSecret) : undefined
  const isWhole =
    secret && openSigningKey(secret) && card && openCard(card, file.agentId) && Array.isArray(prekeys) && Array.isArray(contacts)
  return isWhole ? (file as BackupFile) : undefined
}

/**
 * Put a backup into a profile that has no identity. The key file comes last: an interrupted restore is done again from the start.
 * A fresh prekey is made at once, because the platform may hand out one made after the backup, which nobody has any more.
 */
export function restoreBackup(vault: Vault, directory: string, file: BackupFile, nowMs: number): Keyring {
  const secretKey = fromBase64url(file.signSecret) ?? new Uint8Array()
  const recoverySecret = file.recoverySecret === undefined ? undefined : fromBase64url(file.recoverySecret)
  const keyring: Keyring = {
    agentId: file.agentId,
    signKey: { publicKey: secretKey.slice(32), secretKey },
    card: file.card,
    ...(recoverySecret && { recoverySecret }),
  }
  vault.transaction(() => {
    for (const { signed, secret } of file.prekeys) keepRestoredPrekey(vault, signed, fromBase64url(secret) ?? new Uint8Array())
    for (const { agentId, card, verified } of file.contacts) {
      repin(vault, agentId, card, nowMs)
      if (verified) markVerified(vault, agentId)
    }
  })
  currentPrekey(vault, keyring, nowMs)
  writeKeyring(directory, keyring)
  return keyring
}

/** Whether a profile has something that a restore would stand beside: a key that is to follow, or prekeys. */
export function hasIdentityState(vault: Vault): boolean {
  return findNextIdentity(vault) !== undefined || vault.get('SELECT 1 FROM prekeys') !== undefined
}
