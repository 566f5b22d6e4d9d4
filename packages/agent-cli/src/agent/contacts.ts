import type { SignedCard } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { openCard, safetyNumber } from '@agent-marketplace/protocol/statements'
import { rejectMessagesOf, reviveDrops } from '../private/arrivals.ts'
import { findContact, markVerified, pin, repin } from '../private/contacts.ts'
import { endFormerKeys } from '../private/former-keys.ts'
import { forgetConflict, listConflicts } from '../private/key-conflicts.ts'
import { getContact, listContacts as listPinned, type PinnedContact } from '../private/pinned.ts'
import type { Agent } from './agent.ts'
import { CliError, usage } from './cli-error.ts'

export interface ShownContact {
  readonly agentId: string
  readonly name: string
  readonly fingerprint: string
  readonly verified: boolean
  readonly revoked?: true
  /** Its key is known from a message alone: the platform has not shown it yet. */
  readonly claimed?: true
  readonly prekeyExpiresAtMs?: number
  /** Another key that was shown for this agent, with both cards as evidence. */
  readonly conflict?: {
    readonly fingerprint: string
    readonly seenAtMs: number
    /** Who showed it: the platform, or a message alone, which anybody can write. */
    readonly source: 'platform' | 'message'
    readonly shown: SignedCard
    readonly pinned: SignedCard
  }
}

export interface ComparedContact {
  readonly agentId: string
  readonly fingerprint: string
  readonly verified: boolean
  /** 60 digits in groups of five: the same on both machines if neither was shown a made-up card. */
  readonly safetyNumber: string
}

/** The agents whose identity keys this machine holds on to. Nothing is asked of the platform. */
export function listContacts(agent: Agent): { readonly contacts: ShownContact[] } {
  const others = listPinned(agent.vault, agent.now()).filter(({ agentId }) => agentId !== agent.agentId)
  return { contacts: others.map((contact) => shown(agent, contact)) }
}

/**
 * Show the safety number of this agent and a contact; with the number the other side read out, compare it and note that they are the same.
 * Nothing is asked of the platform.
 *
 * @throws CliError `not_found` for an agent never seen; `key_changed` if the numbers differ.
 */
export async function verifyContact(agent: Agent, agentId: string, number?: string): Promise<ComparedContact> {
  const contact = getContact(agent.vault, agentId, agent.now())
  const compared = await compare(agent, contact)
  if (number === undefined) return compared
  const [said, own] = [number, compared.safetyNumber].map((text) => text.replace(/\D/g, ''))
  if (said?.length !== own?.length) throw usage('a safety number has 60 digits')
  if (said !== own)
    throw new CliError('key_changed', `the safety numbers differ: ${agentId} and this machine do not see the same cards`, {
      hint: `have both sides run \`agents show\` and compare again; if they still differ, somebody shows made-up cards`,
    })
  markVerified(agent.vault, agentId)
  return { ...compared, verified: true }
}

/**
 * Trust another key of an agent than the pinned one: one that was shown. The fingerprint says which, so nobody trusts a key unseen.
 *
 * @throws CliError `not_found` for an agent never seen; `wrong_state` if no other key was shown; `key_changed` if it is not the one that was named.
 */
export async function trustContact(agent: Agent, agentId: string, named: string): Promise<ComparedContact> {
  const { vault, now } = agent
  const { isClaimed } = getContact(vault, agentId, now())
  const conflicts = conflictsOf(agent, getContact(vault, agentId, now()))
  if (conflicts.length === 0)
    throw new CliError('wrong_state', `no other key was shown for ${agentId}: there is nothing to decide`)
  const conflict = conflicts.find((each) => each.fingerprint === named)
  if (!conflict)
    throw new CliError('key_changed', `the key you named was never shown for ${agentId}`, {
      hint: `\`contacts list\` shows the one that was; nothing was changed`,
    })
  vault.transaction(() => {
    repin(vault, agentId, conflict.shown, now())
    // The user decides against the old key: it may have been taken.
    endFormerKeys(vault, agentId)
    forgetConflict(vault, agentId, conflict.shown)
    reviveDrops(vault)
    // What came under a key that was only ever claimed was never of this agent.
    if (isClaimed) rejectMessagesOf(vault, agentId)
  })
  return compare(agent, pin(vault, { agentId, card: conflict.shown }, now()))
}

/** The other key that was shown for a contact, the platform's before one of a message, if one was. */
export function findConflict(agent: Agent, agentId: string): ShownContact['conflict'] {
  const contact = findContact(agent.vault, agentId, agent.now())
  return contact && shown(agent, contact).conflict
}

/** Other keys that were shown. What was pinned meanwhile is no conflict with itself. */
function conflictsOf({ vault }: Agent, { agentId, fingerprint: pinned }: PinnedContact) {
  return listConflicts(vault, agentId)
    .map((each) => ({ ...each, fingerprint: fingerprintOf(each.shown) }))
    .filter((each) => each.fingerprint !== pinned)
}

function shown(agent: Agent, contact: PinnedContact): ShownContact {
  const { agentId, name, isVerified, isRevoked, isClaimed, prekeyExpiresAtMs } = contact
  const [conflict] = conflictsOf(agent, contact)
  return {
    agentId,
    name,
    fingerprint: contact.fingerprint,
    verified: isVerified,
    ...(isRevoked && { revoked: true }),
    ...(isClaimed && { claimed: true }),
    ...(prekeyExpiresAtMs !== undefined && { prekeyExpiresAtMs }),
    ...(conflict && { conflict }),
  }
}

async function compare(agent: Agent, { agentId, fingerprint: of, card, isVerified }: PinnedContact): Promise<ComparedContact> {
  const own = await agent.identity()
  return { agentId, fingerprint: of, verified: isVerified, safetyNumber: safetyNumber(own.card, card) }
}

function fingerprintOf(card: SignedCard): string {
  return fingerprint(Buffer.from(openCard(card)?.signKey ?? '', 'base64url'))
}
