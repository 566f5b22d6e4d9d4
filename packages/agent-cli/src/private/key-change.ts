import type { Endorsement, SignedCard } from '@agent-marketplace/protocol'
import { type Keyring, readKeyring, writeKeyring } from './keyring.ts'
import { endDropsOf } from './outbox.ts'
import type { Vault } from './vault.ts'

/** An own key that is to follow, with the card that names it. It is here before the platform hears of it. */
export interface NextIdentity {
  readonly keyring: Keyring
  readonly endorsement: Endorsement
}

interface NextRow {
  agent_id: string
  sign_secret: Uint8Array
  card_bytes: string
  card_signature: string
  endorsement: string
  recovery_secret: Uint8Array | null
}

/** Keep a key that is to follow, durably. @returns `false` if another one is under way: nothing was written. */
export function keepNextIdentity(vault: Vault, { keyring, endorsement }: NextIdentity): boolean {
  const { agentId, signKey, card, recoverySecret } = keyring
  return (
    vault.run(
      'INSERT OR IGNORE INTO next_identity VALUES (1, ?, ?, ?, ?, ?, ?)',
      agentId,
      signKey.secretKey,
      card.cardBytes,
      card.signature,
      JSON.stringify(endorsement),
      recoverySecret ?? null,
    ).changes === 1
  )
}

/** The key that is to follow, `undefined` if none is under way. */
export function findNextIdentity(vault: Vault): NextIdentity | undefined {
  const row = vault.get<NextRow>('SELECT * FROM next_identity')
  if (!row) return undefined
  const card: SignedCard = { cardBytes: row.card_bytes, signature: row.card_signature }
  const signKey = { publicKey: row.sign_secret.slice(32), secretKey: row.sign_secret }
  const recovery = row.recovery_secret && { recoverySecret: row.recovery_secret }
  return {
    keyring: { agentId: row.agent_id, signKey, card, ...recovery },
    endorsement: JSON.parse(row.endorsement) as Endorsement,
  }
}

/** The platform has the new key: it is the identity of the profile from here on. Whoever comes second changes nothing. */
export function adoptNextIdentity(vault: Vault, directory: string, { keyring, endorsement }: NextIdentity): void {
  vault.transaction(() => {
    // The key file first: were this process to end in between, the change would be finished once more.
    const isStillNext = vault.get('SELECT 1 FROM next_identity WHERE card_bytes = ?', keyring.card.cardBytes) !== undefined
    const before = isStillNext && endorsement.recoveryKey !== undefined ? readKeyring(directory) : undefined
    if (before) endDropsOf(vault, before.signKey.publicKey)
    if (isStillNext) writeKeyring(directory, keyring)
    vault.run('DELETE FROM next_identity WHERE card_bytes = ?', keyring.card.cardBytes)
  })
}

/** The platform does not have the new key and never will. */
export function dropNextIdentity(vault: Vault, { keyring }: NextIdentity): void {
  vault.run('DELETE FROM next_identity WHERE card_bytes = ?', keyring.card.cardBytes)
}
