import type { AgentCard, Rotation, SignedCard } from '../agent-card.ts'
import { fromBase64url, toBase64url } from '../base64url.ts'
import { sha256, verify } from '../signing/index.ts'
import { openCard } from './card.ts'
import { hashOf } from './card-hash.ts'

/** Whose word a change of key has: the old key's, or that of the recovery key the old card committed to. */
export type Endorser = 'old_key' | 'recovery_key'

/** A change of key whose every signature and hash holds. */
export interface KeyChange {
  /** The last card of the old key. */
  readonly from: AgentCard
  /** The first card of the new one. */
  readonly to: AgentCard
  readonly endorser: Endorser
}

/**
 * Verify a change of key by itself: both cards are genuine and of one agent, the new one follows the old one (`seq` grows by one,
 * `previous` is the SHA-256 of the old bytes), is active, and is endorsed by the old key or by the recovery key that the old card committed to;
 * after a revoked card only the recovery key's word counts.
 *
 * @returns `undefined` if anything of it does not hold.
 */
export function openRotation({ seq, previousCard, card, endorsement }: Rotation): KeyChange | undefined {
  const from = openCard(previousCard)
  const to = from && openCard(card, from.agentId)
  if (!from || !to || to.signKey === from.signKey || to.status !== 'active') return undefined
  if (to.seq !== from.seq + 1 || to.seq !== seq || to.previous !== hashOf(previousCard)) return undefined

  const { recoveryKey } = endorsement
  if (from.status === 'revoked' && recoveryKey === undefined) return undefined
  const endorserKey = recoveryKey ?? from.signKey
  if (recoveryKey !== undefined && toBase64url(sha256(bytesOf(recoveryKey))) !== from.recoveryKeyHash) return undefined
  if (!verify('card', bytesOf(card.cardBytes), bytesOf(endorsement.signature), bytesOf(endorserKey))) return undefined
  return { from, to, endorser: recoveryKey === undefined ? 'old_key' : 'recovery_key' }
}

/**
 * Follow an agent from a card that is trusted to one that is shown, over its changes of key.
 *
 * @param rotations - What is claimed to have happened since `pinned`, oldest first.
 * @returns The changes in order, or `undefined` unless they lead, without a gap, from the key of `pinned` to the key of `shown`.
 *   A card older than one on the way is not reached by it.
 */
export function followRotations(
  pinned: SignedCard,
  rotations: readonly Rotation[],
  shown: SignedCard,
): readonly KeyChange[] | undefined {
  const goal = openCard(shown)
  let at: { card: AgentCard; signed: SignedCard } | undefined = step(pinned)
  const changes: KeyChange[] = []
  for (const rotation of rotations) {
    const change = openRotation(rotation)
    if (!at || !change || !isReached(at, step(rotation.previousCard))) return undefined
    changes.push(change)
    at = { card: change.to, signed: rotation.card }
  }
  return at && goal && isReached(at, { card: goal, signed: shown }) ? changes : undefined
}

/** Whether a card is the known one, or a later one of the same agent under the same key. */
function isReached(
  known: { card: AgentCard; signed: SignedCard },
  next: { card: AgentCard; signed: SignedCard } | undefined,
): boolean {
  if (!next || next.card.agentId !== known.card.agentId || next.card.signKey !== known.card.signKey) return false
  return next.card.seq > known.card.seq || next.signed.cardBytes === known.signed.cardBytes
}

function step(signed: SignedCard): { card: AgentCard; signed: SignedCard } | undefined {
  const card = openCard(signed)
  return card && { card, signed }
}

function bytesOf(base64url: string): Uint8Array {
  return fromBase64url(base64url) ?? new Uint8Array()
}
