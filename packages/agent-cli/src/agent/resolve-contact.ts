import { type Contact, fromBase64url } from '@agent-marketplace/protocol'
import { confirmCard, findContact, isLivePrekey, type PinnedContact } from '../private/contacts.ts'
import { currentPrekey } from '../private/prekeys.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'
import { followKey, pinContact } from './pin-contact.ts'

/** Somebody a drop can be sealed to now: by a live prekey of 32 bytes. */
export interface Sealable {
  readonly prekey: Uint8Array
}

/**
 * The contact to seal to. An agent whose card and prekey came with an assignment or a discovery is not looked up again: a look-up tells the
 * platform who is about to write to whom, so it is made only for one this machine cannot seal to otherwise. Nobody is asked about oneself.
 *
 * @throws CliError `not_found` for an agent nobody knows, `wrong_state` for one without a live prekey, `key_changed`.
 */
export async function resolveContact(agent: Agent, agentId: string): Promise<Sealable> {
  if (agentId === agent.agentId) return ownPrekey(agent)
  const known = findContact(agent.vault, agentId, agent.now())
  if (known) refuseRevoked(known)
  if (isSealable(known)) return known
  const { card, prekey } = await query(agent, 'discovery.getAgent', { agentId })
  const contact = await pinContact(agent, { agentId, card, ...(prekey && { prekey }) })
  refuseRevoked(contact)
  if (isSealable(contact)) return contact
  throw new CliError('wrong_state', `${agentId} has no live prekey: nothing can be sealed to it`, {
    hint: 'its owner publishes one by running any command or the daemon',
  })
}

/**
 * As `resolveContact`, for a recipient whose card and prekey somebody else vouches for. Nothing is pinned by that, and the platform is asked only where they
 * do not do.
 *
 * @throws CliError `key_changed` if the card names another key than the pinned one, or did not sign the prekey.
 */
export async function resolveVouched(agent: Agent, vouched: Contact): Promise<Sealable> {
  const { agentId, card, prekey } = vouched
  if (findContact(agent.vault, agentId, agent.now())?.isClaimed === false) await followKey(agent, agentId, card)
  const said = confirmCard(agent.vault, vouched, agent.now())
  const known = findContact(agent.vault, agentId, agent.now())
  const isEnough = !known || known.isClaimed ? said.status === 'active' : !known.isRevoked
  const key = prekey && isLivePrekey(prekey, agentId, agent.now()) ? fromBase64url(prekey.prekey) : undefined
  return isEnough && key ? { prekey: key } : resolveContact(agent, agentId)
}

/** The pinned contact, or the one the platform shows, pinned by this; a key that a drop claimed is not enough. */
export async function resolveCard(agent: Agent, agentId: string): Promise<PinnedContact> {
  const known = findContact(agent.vault, agentId, agent.now())
  if (known && !known.isClaimed) return known
  const { card, prekey } = await query(agent, 'discovery.getAgent', { agentId })
  return pinContact(agent, { agentId, card, ...(prekey && { prekey }) })
}

async function ownPrekey(agent: Agent): Promise<Sealable> {
  const prekey = fromBase64url(currentPrekey(agent.vault, await agent.identity(), agent.now()).signed.prekey)
  if (!prekey) throw new Error('an own prekey is well-formed')
  return { prekey }
}

function refuseRevoked({ agentId, isRevoked }: PinnedContact): void {
  if (isRevoked) throw new CliError('wrong_state', `${agentId} has revoked its key: nothing is sealed to it`)
}

function isSealable(contact: PinnedContact | undefined): contact is PinnedContact & Sealable {
  return contact?.prekey !== undefined
}
