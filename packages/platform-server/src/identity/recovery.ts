import { fromBase64url, type OpenRecoveryInput, type SignedCard } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { findAgent } from './agent-store.ts'
import { isCommittedTo } from './card-rules.ts'
import { PROOF_NOT_SIGNED, verifyProof } from './proof-rules.ts'
import { cardOf } from './registration.ts'
import { useNonce } from './sessions.ts'

/**
 * The stored card, for the holder of the recovery key that it commits to: a new key's card has to follow it.
 *
 * @throws Refusal `unauthenticated` with the same answer for an unknown agent, another key and a wrong signature.
 */
export function openRecovery(deps: Deps, { proof, recoveryKey }: OpenRecoveryInput): Promise<{ card: SignedCard }> {
  return deps.db.write(async (tx) => {
    const agent = await findAgent(tx, proof.agentId)
    const signKey = fromBase64url(recoveryKey) ?? new Uint8Array()
    if (!agent || !isCommittedTo(agent.cardBytes, signKey)) throw new Refusal('unauthenticated', PROOF_NOT_SIGNED)
    verifyProof(proof, { signKey, audience: deps.config.origin, nowMs: deps.now() })
    await useNonce(tx, proof)
    return { card: cardOf(agent) }
  })
}
