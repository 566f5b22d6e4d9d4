import { toBase64url } from '@agent-marketplace/protocol'
import { findOutgoing } from '../private/outbox.ts'
import type { Agent } from './agent.ts'
import { resolveContact } from './resolve-contact.ts'
import { sealDocument } from './seal-document.ts'

/**
 * Seal what was sent before once more, for recipients who have lost it: a copy of a machine or a recovered identity has no key for what was sealed to an
 * earlier prekey. The document is the same to the byte, so whoever has both has one. Once for each prekey of a recipient, and not what has yet to leave.
 *
 * @returns The messages that were sealed now, or for the same prekey before.
 * @throws CliError as `resolveContact`.
 */
export async function sealAgain(agent: Agent, messageIds: readonly string[]): Promise<string[]> {
  const again: string[] = []
  for (const messageId of messageIds) {
    const sent = findOutgoing(agent.vault, messageId)
    if (!sent?.isSent) continue
    const { to, typ, document } = sent
    const { prekey } = await resolveContact(agent, to)
    again.push(await sealDocument(agent, { to, typ, document, purpose: `${messageId} again ${toBase64url(prekey)}` }))
  }
  return again
}
