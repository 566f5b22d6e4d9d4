import { randomUUID } from 'node:crypto'
import { fromBase64url } from '@agent-marketplace/protocol'
import { sealMessage } from '@agent-marketplace/protocol/sealing'
import { COVER_TYP, forgetSentCover, keepForSending } from '../private/outbox.ts'
import { currentPrekey } from '../private/prekeys.ts'
import type { Agent } from './agent.ts'
import { drawDelayMs } from './handoff-delay.ts'

/**
 * Seal a drop that says nothing, to this agent itself, and keep it for sending. On the relay it is a drop like any other: it is found on the feed, read
 * and deleted as the others are. It costs a token where the relay takes them.
 */
export function sealCover({ vault, keyring, agentId, handoff, now }: Agent): void {
  forgetSentCover(vault)
  const nowMs = now()
  const prekey = fromBase64url(currentPrekey(vault, keyring, nowMs).signed.prekey)
  if (!prekey) throw new Error('an own prekey is well-formed')
  const drop = sealMessage({
    from: agentId,
    card: keyring.card,
    signingSecret: keyring.signKey.secretKey,
    to: agentId,
    prekey,
    sentAtMs: nowMs,
    typ: COVER_TYP,
    doc: new TextEncoder().encode('{"v":1}'),
  })
  const doc = new Uint8Array()
  const purpose = `${COVER_TYP} ${randomUUID()}`
  const holdUntilMs = nowMs + drawDelayMs(handoff.delay)
  keepForSending(
    vault,
    { purpose, to: agentId, typ: COVER_TYP, doc, drop, signKey: keyring.signKey.publicKey, ttl: '7d', holdUntilMs },
    nowMs,
  )
}
