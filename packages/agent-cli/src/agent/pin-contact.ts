import { type Contact, fromBase64url, RELAY_TTL_MS, type Rotation, type SignedCard } from '@agent-marketplace/protocol'
import { followRotations, type KeyChange } from '@agent-marketplace/protocol/statements'
import { reviveDrops } from '../private/arrivals.ts'
import { findOtherKey, type PinnedContact, pin, repin } from '../private/contacts.ts'
import { endFormerKeys, type FormerKey, keepFormerKeys } from '../private/former-keys.ts'
import { forgetConflict } from '../private/key-conflicts.ts'
import { mayHaveHappened } from '../private/pending.ts'
import type { ContactRow } from '../private/pinned.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'

/** How many pages of rotations are read of one agent: a hostile platform has no end of them. */
const PAGES_MAX = 10

/** How long a message under a key that was replaced by its owner may still be on its way: as long as a relay keeps it, ms. */
const READ_AFTER_ROTATION_MS = RELAY_TTL_MS['7d']

/**
 * Pin the agent an answer of the platform came with. Another key than the pinned one is followed if valid rotations lead to it.
 *
 * @throws CliError as `pin`.
 */
export async function pinContact(agent: Agent, contact: Contact): Promise<PinnedContact> {
  await followKey(agent, contact.agentId, contact.card)
  return pin(agent.vault, contact, agent.now())
}

/** Pin in place of the known card the one that is shown, if it names another key and valid rotations lead there. Else nothing changes. */
export async function followKey(agent: Agent, agentId: string, shown: SignedCard): Promise<void> {
  const known = findOtherKey(agent.vault, agentId, shown)
  if (!known) return
  const pinned = { cardBytes: known.card_bytes, signature: known.card_signature }
  const changes = followRotations(pinned, await readRotations(agent, known), shown)
  if (!changes || changes.length === 0) return
  const { vault, now } = agent
  vault.transaction(() => {
    // Another process may have followed meanwhile.
    if (findOtherKey(vault, agentId, shown)?.card_bytes !== known.card_bytes) return
    repin(vault, agentId, shown, now())
    const isTakenOver = changes.some(({ endorser }) => endorser === 'recovery_key')
    if (isTakenOver) endFormerKeys(vault, agentId)
    keepFormerKeys(
      vault,
      agentId,
      changes.map((change, at) => formerKey(change, changes.slice(at))),
    )
    forgetConflict(vault, agentId, shown)
    reviveDrops(vault)
  })
}

async function readRotations(agent: Agent, { agent_id: agentId, seq }: ContactRow): Promise<Rotation[]> {
  const all: Rotation[] = []
  for (let page = 0; page < PAGES_MAX; page++) {
    const { rotations } = await query(agent, 'identity.listRotations', { agentId, afterSeq: all.at(-1)?.seq ?? seq }).catch(
      refusedToExplain,
    )
    if (rotations.length === 0) break
    all.push(...rotations)
  }
  return all
}

/** A platform that does not explain another key is one that cannot. */
function refusedToExplain(error: unknown): { rotations: Rotation[] } {
  if (!(error instanceof CliError) || mayHaveHappened(error)) throw error
  return { rotations: [] }
}

/** A key that its owner replaced in peace is still read for a while; one that was taken over, at any time since, is not. */
function formerKey({ from, to }: KeyChange, since: readonly KeyChange[]): FormerKey {
  const isTakenOver = since.some(({ endorser }) => endorser === 'recovery_key')
  return {
    signKey: fromBase64url(from.signKey) ?? new Uint8Array(),
    readUntilMs: isTakenOver ? 0 : to.issuedAtMs + READ_AFTER_ROTATION_MS,
  }
}
