import { AgentCard, type SignedCard } from '../agent-card.ts'
import { fromBase64url } from '../base64url.ts'
import { verify } from '../signing/index.ts'

/**
 * Verify a signed card, then parse it: the signature by the key it names over its exact bytes, and only then its shape.
 *
 * @param agentId - Whose card it must be; anybody's if not given.
 * @returns `undefined` for anything else than a genuine card. Says nothing about whether its key is the one to expect.
 */
export function openCard(signed: SignedCard, agentId?: string): AgentCard | undefined {
  const bytes = fromBase64url(signed.cardBytes)
  const signature = fromBase64url(signed.signature)
  const said = bytes && readJson(bytes)
  const signKey = fromBase64url(claimedKey(said))
  if (!bytes || !signature || !signKey || !verify('card', bytes, signature, signKey)) return undefined
  const card = AgentCard.safeParse(said)
  return card.success && (agentId === undefined || card.data.agentId === agentId) ? card.data : undefined
}

/** The key a card names, before anything of it is believed. */
function claimedKey(said: unknown): string {
  return typeof said === 'object' && said !== null && 'signKey' in said && typeof said.signKey === 'string' ? said.signKey : ''
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
}
