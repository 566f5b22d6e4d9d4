import type { Endorsement, Registration } from '@agent-marketplace/protocol'
import type { Platform } from '../platform/client.ts'
import { proveIdentity } from '../platform/session.ts'
import type { Keyring } from '../private/keyring.ts'
import { withKey } from '../private/pending.ts'
import { currentPrekey, markPublished } from '../private/prekeys.ts'
import type { Vault } from '../private/vault.ts'

/** What it takes to show a card to the platform: an agent, or what is left of one. */
export interface CardSender {
  readonly platform: Platform
  readonly vault: Vault
  readonly server: string
  readonly now: () => number
}

/**
 * Show the card of an identity to the platform, with a prekey signed by the same key: a registration, an update or a change of key.
 *
 * @throws CliError as the platform refuses; with `idempotencyKey` when it may have been done.
 */
export async function sendCard(
  sender: CardSender,
  keyring: Keyring,
  more: { endorsement?: Endorsement | undefined; registrationToken?: string | undefined; key?: string | undefined } = {},
): Promise<Registration> {
  const { platform, vault, server, now } = sender
  const { endorsement, registrationToken, key } = more
  const { signed: prekey } = currentPrekey(vault, keyring, now())
  const input = { card: keyring.card, prekey, ...(endorsement && { endorsement }) }
  const registration = await withKey(
    sender,
    { procedure: 'identity.register', input, sameAs: [keyring.card, prekey], key },
    (idempotencyKey, sent) =>
      // A proof is good for a minute: every try carries its own. Card and prekey make it the same call.
      platform.mutate('identity.register', () => ({ ...sent, proof: proveIdentity(keyring, server, now()), registrationToken }), {
        idempotencyKey,
      }),
  )
  markPublished(vault, prekey)
  return registration
}
