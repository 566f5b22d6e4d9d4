import type { Platform } from '../platform/client.ts'
import type { Keyring } from '../private/keyring.ts'
import { withKey } from '../private/pending.ts'
import { currentPrekey, markPublished, newestPrekeyAtMs, retirePrekeys } from '../private/prekeys.ts'
import type { Vault } from '../private/vault.ts'

/** The part of an agent that this needs: the agent itself uses it, and is not known here. */
interface PrekeyOwner {
  readonly platform: Platform
  readonly vault: Vault
  readonly server: string
  readonly now: () => number
  identity(): Promise<Keyring>
}

/**
 * See to it that others can seal to this agent: publish a fresh prekey when the newest is older than 7 days or was never published.
 * Secret halves are destroyed 7 days after expiry.
 *
 * @returns when the prekey in force expires, ms.
 */
export async function ensurePrekey(agent: PrekeyOwner): Promise<number> {
  const { platform, vault, now } = agent
  const { signed, isPublished } = currentPrekey(vault, await agent.identity(), now())
  if (!isPublished) {
    await withKey(agent, { procedure: 'identity.publishPrekey', input: { prekey: signed } }, (idempotencyKey, sent) =>
      platform.mutate('identity.publishPrekey', sent, { idempotencyKey }),
    )
    markPublished(vault, signed)
  }
  return signed.expiresAtMs
}

/**
 * As `ensurePrekey`, for an agent that has had a prekey on this machine; one that never had gets its first by registering. If the platform
 * hands out a later one than this machine knows, its files are older than that (a restored copy), and nobody can open what is sealed to it:
 * a fresh one takes its place.
 */
export async function renewPrekey(agent: PrekeyOwner): Promise<void> {
  const { platform, vault, now } = agent
  if (newestPrekeyAtMs(vault) === undefined) return
  const { signed } = currentPrekey(vault, await agent.identity(), now())
  const { prekeyExpiresAtMs = 0 } = await platform.query('identity.whoami', {})
  if (prekeyExpiresAtMs > signed.expiresAtMs) retirePrekeys(vault)
  await ensurePrekey(agent)
}
