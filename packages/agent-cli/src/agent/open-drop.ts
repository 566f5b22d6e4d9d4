import { fromBase64url } from '@agent-marketplace/protocol'
import {
  DOCUMENT_BYTES_MAX,
  type Frame,
  isDocumentTyp,
  openDropBody,
  parseFrame,
  readDocument,
  readSpilled,
  verifyFrame,
} from '@agent-marketplace/protocol/sealing'
import { openCard } from '@agent-marketplace/protocol/statements'
import { keepSpilled, type PendingDrop, type Rejection } from '../private/arrivals.ts'
import { findOtherKey, pinClaim } from '../private/contacts.ts'
import { isStillRead } from '../private/former-keys.ts'
import type { Arrival } from '../private/inbox.ts'
import type { InboxRoom } from '../private/inbox-room.ts'
import { COVER_TYP, findSending } from '../private/outbox.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { ContentError } from './content-error.ts'
import { fetchBytes } from './fetch-bytes.ts'

/** What a drop turned out to be. `frame` only where it is evidence. */
export type Opened = Arrival | { readonly rejection: Rejection; readonly frame?: Uint8Array }

/**
 * Read, open and verify one drop, and fetch its document if that travels as an artifact.
 * The sender's card is held on to at first sight, as its claim, and only after the signature over this very drop verified under its key. Nothing is looked
 * up: that would tell the platform who has just written. A frame under another key than the known one is kept, and read once the change of key is known.
 *
 * @param options.room - What does not fit is not kept: nobody may fill this disk by sending.
 * @throws CliError when the relay does not answer: the drop stays as it is.
 */
export async function openDrop(
  agent: Agent,
  drop: PendingDrop,
  { room, signal }: { room: InboxRoom; signal?: AbortSignal | undefined },
): Promise<Opened> {
  const frameBytes = drop.frame ?? (await readFrame(agent, drop))
  if (typeof frameBytes === 'string') return { rejection: frameBytes }
  const frame = parseFrame(frameBytes)
  if (!frame) return { rejection: 'not_a_frame' }
  const fault = drop.isVerified ? undefined : checkSender(agent, frame, { ...drop, bytes: frameBytes.length, room })
  if (fault === 'key_changed')
    return room.has(null, frameBytes.length) ? { rejection: fault, frame: frameBytes } : { rejection: fault }
  if (fault) return { rejection: fault }

  const { from, typ, sentAtMs } = frame
  if (typ === COVER_TYP && from === agent.agentId) return { rejection: 'cover' }
  if (!isDocumentTyp(typ)) return { rejection: 'unknown_document' }
  const spilled = readSpilled(frame.doc)
  // Asked before the document is fetched.
  if (!room.has(from, frameBytes.length + (spilled?.bytes ?? frame.doc.length))) return { rejection: 'over_quota' }
  const doc = spilled ? await fetchSpilled() : frame.doc
  if (typeof doc === 'string') return { rejection: doc }
  if (!readDocument(typ, doc)) return { rejection: 'unknown_document' }
  return { from, typ, sentAtMs, frame: frameBytes, doc }

  async function fetchSpilled(): Promise<Uint8Array | Rejection> {
    if (!spilled || spilled.bytes > DOCUMENT_BYTES_MAX) return 'unknown_document'
    keepSpilled(agent.vault, drop.messageId, frameBytes as Uint8Array)
    try {
      return await fetchBytes(agent, spilled, signal)
    } catch (error) {
      if (error instanceof ContentError) return error.fault === 'content_unavailable' ? 'gone' : 'content_mismatch'
      throw error
    }
  }
}

async function readFrame(agent: Agent, { readCap, bodyKey }: PendingDrop): Promise<Uint8Array | Rejection> {
  const relay = await agent.relay()
  const body = await relay.read(readCap)
  if (!body) return 'gone'
  return openDropBody(body, bodyKey) ?? 'not_opened'
}

function checkSender(
  agent: Agent,
  frame: Frame,
  { messageId, ephemeral, prekey, bytes, room }: PendingDrop & { bytes: number; room: InboxRoom },
): Rejection | undefined {
  if (frame.to !== agent.agentId) return 'addressed_to_another'
  const card = openCard(frame.card, frame.from)
  const signKey = card && fromBase64url(card.signKey)
  if (!signKey || card.status !== 'active' || !verifyFrame(frame, { ephemeralPublic: ephemeral, prekey }, signKey))
    return 'not_verified'
  if (frame.from === agent.agentId) return isOwn(agent, messageId, signKey) ? undefined : 'not_verified'
  const isOther = findOtherKey(agent.vault, frame.from, frame.card) !== undefined
  if (isOther && isStillRead(agent.vault, frame.from, signKey, agent.now())) return undefined
  // Cards take room as well, those of strangers and those kept as evidence.
  if (!room.has(isOther ? null : frame.from, bytes)) return isOther ? 'key_changed' : 'over_quota'
  try {
    if (pinClaim(agent.vault, { agentId: frame.from, card: frame.card }, agent.now()).isRevoked) return 'not_verified'
    return undefined
  } catch (error) {
    if (error instanceof CliError && error.code === 'key_changed') return 'key_changed'
    throw error
  }
}

/** Whether this agent sent a drop to itself: under the key it has, or the one it had when it sealed it. Oneself is never pinned. */
function isOwn(agent: Agent, messageId: string, signKey: Uint8Array): boolean {
  return Buffer.compare(agent.keyring.signKey.publicKey, signKey) === 0 || findSending(agent.vault, messageId) !== undefined
}
