import { AgentId, type Registration, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import {
  type CardText,
  forgetRecovery,
  type Keyring,
  makeKeyring,
  readKeyring,
  readOwnCard,
  removeKeyring,
  renewCard,
  restartCards,
  writeKeyring,
} from '../private/keyring.ts'
import { mayHaveHappened } from '../private/pending.ts'
import { destroyPrekeys } from '../private/prekeys.ts'
import { type Agent, type AgentOptions, agentOf } from './agent.ts'
import { CliError, usage } from './cli-error.ts'
import { readStoredCard } from './own-card.ts'
import { sendCard } from './send-card.ts'

export interface RegisterInput {
  readonly agentId: string
  /** What the card says; what is not given stays as it is. A new card is named after its id. */
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly registrationToken?: string | undefined
  readonly key?: string | undefined
}

export interface Registered extends Registration {
  readonly fingerprint: string
  /** Given once, at the first registration: the Ed25519 secret key (64 bytes, base64url) that can replace a lost identity key. */
  readonly recoveryKey?: string
}

/**
 * Register the identity of a profile, making it first if there is none; again, to update its card. The keys are on disk before anything
 * is sent, so that a lost reply is made good by the same command.
 *
 * @throws CliError `usage` if the profile belongs to another agent; `already_exists` if the id belongs to another key.
 */
export async function register(options: AgentOptions, input: RegisterInput): Promise<{ agent: Agent; registered: Registered }> {
  const found = readKeyring(options.profile.directory)
  // A change of key that is under way is finished first: the card to show is the one after it.
  const known = found && (await agentOf(options, found).identity())
  const agent = agentOf(options, await prepareIdentity(options, known, input))
  const { keyring } = agent
  const registration = await send(agent, input).catch((error: unknown) => {
    // A card the platform did not take is none to build on.
    if (!mayHaveHappened(error)) known ? writeKeyring(agent.profile.directory, known) : abandon(agent)
    throw error
  })
  if (keyring.recoverySecret) writeKeyring(agent.profile.directory, forgetRecovery(keyring))
  return {
    agent,
    registered: {
      ...registration,
      fingerprint: fingerprint(keyring.signKey.publicKey),
      ...(keyring.recoverySecret && { recoveryKey: toBase64url(keyring.recoverySecret) }),
    },
  }
}

/** The identity to register with the card to show, on disk. */
async function prepareIdentity(options: AgentOptions, known: Keyring | undefined, input: RegisterInput): Promise<Keyring> {
  const { profile, now = Date.now } = options
  if (!AgentId.safeParse(input.agentId).success)
    throw usage('an agent id is 3 to 63 of a-z, 0-9, ".", "_" and "-", and begins and ends with a letter or a digit')
  if (known && known.agentId !== input.agentId)
    throw usage(`the profile "${profile.name}" belongs to ${known.agentId}`, 'name another profile: --profile NAME')
  const keyring = known
    ? await updateCard(options, known, input)
    : makeKeyring(input.agentId, { ...input, name: input.name ?? input.agentId }, now())
  if (keyring !== known) writeKeyring(profile.directory, keyring)
  return keyring
}

/** A next card if it shall say something else than the one the platform has. */
async function updateCard(options: AgentOptions, keyring: Keyring, { name, description }: RegisterInput): Promise<Keyring> {
  if (name === undefined && description === undefined) return keyring
  const before = (await findOwnCard(options, keyring)) ?? keyring.card
  const said = readOwnCard(before)
  const text: CardText = { name: name ?? said.name, description: description ?? said.description }
  const isSame = text.name === said.name && (text.description ?? '') === (said.description ?? '')
  return isSame ? { ...keyring, card: before } : renewCard(keyring, before, text, (options.now ?? Date.now)())
}

/** The card the platform has of us, `undefined` if it does not know us. */
async function findOwnCard(options: AgentOptions, keyring: Keyring): Promise<SignedCard | undefined> {
  try {
    return await readStoredCard(agentOf(options, keyring))
  } catch (error) {
    if (error instanceof CliError && error.code === 'unauthenticated') return undefined
    throw error
  }
}

async function send(agent: Agent, input: RegisterInput): Promise<Registration> {
  try {
    return await sendCard(agent, agent.keyring, input)
  } catch (error) {
    // A platform that does not know us (its data is new) wants the first card of a chain, and ours is a later one.
    const isUnknown = error instanceof CliError && error.code === 'invalid_input' && readOwnCard(agent.keyring.card).seq > 1
    if (!isUnknown) throw error
    const restarted = restartCards(agent.keyring, agent.now())
    writeKeyring(agent.profile.directory, restarted)
    return sendCard(agent, restarted, input)
  }
}

/** The platform refused an identity that was made for this call: leave nothing behind that would stand in the way of another id. */
function abandon({ profile, vault }: Agent): void {
  removeKeyring(profile.directory)
  destroyPrekeys(vault)
}
