import { proveIdentity } from '../platform/session.ts'
import { adoptNextIdentity, dropNextIdentity, type NextIdentity } from '../private/key-change.ts'
import type { Keyring } from '../private/keyring.ts'
import { mayHaveHappened } from '../private/pending.ts'
import { CliError } from './cli-error.ts'
import { type CardSender, sendCard } from './send-card.ts'

/**
 * Have the platform take a new key that is kept on this machine, and make it the identity of the profile. However often and by however many
 * processes it is done, it happens once; a lost reply is made good by doing it again.
 *
 * @throws CliError what the platform refuses it with, once it is certain that it does not have the key: then the old one stays in force.
 *   `unreachable` and the like while that is not certain: then both are kept.
 */
export async function finishKeyChange(
  at: CardSender & { readonly profile: { readonly directory: string } },
  next: NextIdentity,
  key?: string | undefined,
): Promise<void> {
  const { vault, profile } = at
  try {
    await sendCard(at, next.keyring, { endorsement: next.endorsement, key })
  } catch (error) {
    if (mayHaveHappened(error)) throw error
    // A key is not thrown away on a refusal alone: it may have been taken before something else was changed.
    if (!(await isKnownKey(at, next.keyring))) {
      dropNextIdentity(vault, next)
      throw error
    }
  }
  adoptNextIdentity(vault, profile.directory, next)
}

/** Whether the platform knows this key as the agent's: it opens a session for no other. */
async function isKnownKey({ platform, server, now }: CardSender, keyring: Keyring): Promise<boolean> {
  try {
    await platform.mutate('identity.openSession', () => proveIdentity(keyring, server, now()))
    return true
  } catch (error) {
    if (error instanceof CliError && error.code === 'unauthenticated') return false
    throw error
  }
}
