import { existsSync } from 'node:fs'
import { hasIdentityState, readBackup, restoreBackup, writeBackup } from '../private/backup.ts'
import { readPrivateFile, writePrivateFile } from '../private/files.ts'
import { findNextIdentity } from '../private/key-change.ts'
import { readKeyring } from '../private/keyring.ts'
import { openVault } from '../private/vault.ts'
import { type Agent, type AgentOptions, agentOf } from './agent.ts'
import { CliError, usage } from './cli-error.ts'
import { ensurePrekey } from './ensure-prekey.ts'
import { type ChangedKey, describeKey } from './rotate-key.ts'

/** A result of the `key` commands, and where the backup is. */
export interface BackedUp extends Omit<ChangedKey, 'recoveryKey'> {
  readonly path: string
}

/** A restored identity, and whether the platform has a fresh prekey of it already. */
export interface Restored extends Omit<ChangedKey, 'recoveryKey'> {
  readonly isPublished: boolean
}

/**
 * Write the identity of the profile, its live prekeys and its pins to a file, encrypted to a passphrase (age v1, scrypt; `age -d` opens it). 0600.
 * Never over an existing file. Not in it: messages, files, tokens, chains.
 *
 * @throws CliError `already_exists` if there is a file; `wrong_state` while a change of key is under way.
 */
export async function backUpKey(agent: Agent, { path, passphrase }: { path: string; passphrase: string }): Promise<BackedUp> {
  const { vault, profile, now } = agent
  if (existsSync(path)) throw new CliError('already_exists', `${path} exists: a backup never replaces a file`)
  if (findNextIdentity(vault))
    throw new CliError('wrong_state', 'a change of key is under way', { hint: 'finish it first: `key rotate`' })
  const keyring = readKeyring(profile.directory) ?? agent.keyring
  const { armor, Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  writePrivateFile(path, armor.encode(await encrypter.encrypt(writeBackup(vault, keyring, now()))))
  return { ...describeKey(keyring), path }
}

/**
 * Put the identity of a backup into a profile that has none, and publish a fresh prekey if the platform can be reached.
 *
 * @throws CliError `already_exists` if the profile has an identity: nothing is ever overwritten; `usage` for a wrong passphrase or another file.
 */
export async function restoreKey(
  options: AgentOptions,
  { path, passphrase }: { path: string; passphrase: string },
): Promise<Restored> {
  const { profile, now = Date.now } = options
  if (readKeyring(profile.directory)) throw taken(profile.name)
  const file = readBackup(await decrypt(path, passphrase))
  if (!file) throw usage(`${path} is not a whole backup of a key`)
  const vault = openVault(profile.directory)
  try {
    if (hasIdentityState(vault)) throw taken(profile.name)
    const keyring = restoreBackup(vault, profile.directory, file, now())
    const isPublished = await ensurePrekey(agentOf(options, keyring)).then(
      () => true,
      () => false,
    )
    return { ...describeKey(keyring), isPublished }
  } finally {
    vault.close()
  }
}

async function decrypt(path: string, passphrase: string): Promise<string> {
  const bytes = readPrivateFile(path)
  if (!bytes) throw usage(`there is no file ${path}`)
  const { armor, Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  try {
    return await decrypter.decrypt(armor.decode(Buffer.from(bytes).toString('utf8')), 'text')
  } catch {
    // The reason is not told apart: a damaged file and a wrong passphrase look the same to the cipher.
    throw usage(`${path} does not open with this passphrase, or is damaged`)
  }
}

function taken(profile: string): CliError {
  return new CliError('already_exists', `the profile "${profile}" has an identity: nothing is overwritten`, {
    hint: 'restore into another profile: --profile NAME',
  })
}
