import { findContact } from '../private/contacts.ts'
import type { Message, MessageState } from '../private/inbox.ts'
import { dueReceipts, finishReceipt } from '../private/receipts.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { sealDocument } from './seal-document.ts'

/**
 * Seal the receipts that are due: to whom this machine can seal without asking the platform, since a look-up right after a message would tell it who had
 * written. Nothing is sent yet. Where receipts are off, none is made; a receipt asked for (`inbox ack`) is not one of these.
 */
export async function sealReceipts(agent: Agent): Promise<void> {
  for (const message of dueReceipts(agent.vault)) {
    const contact = agent.handoff.receipts ? findContact(agent.vault, message.from, agent.now()) : undefined
    if (contact?.prekey) await sealReceipt(agent, message, message.state)
    finishReceipt(agent.vault, message)
  }
}

/** Seal one receipt, once for each state. @returns its message. @throws CliError as `resolveContact`. */
export function sealReceipt(agent: Agent, { messageId, from, hash }: Message, state: MessageState): Promise<string> {
  const document = { v: 1, ref: hash, state } as const
  return sealDocument(agent, { to: from, typ: 'receipt', document, purpose: `receipt ${messageId} ${state}` })
}

/** Seal the receipts that are due and send what the outbox has to send, if the relay takes it now: nobody is waiting for this. */
export async function sendReceipts(agent: Agent): Promise<void> {
  await sealReceipts(agent)
  try {
    await deliverOutbox(agent)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
  }
}
