import type { Message } from './inbox.ts'
import { findMessage } from './inbox.ts'
import type { Vault } from './vault.ts'

/** Messages whose sender is to be told how far they have come, first seen first. */
export function dueReceipts(vault: Vault): Message[] {
  return vault
    .all<{ message_id: string }>('SELECT message_id FROM inbox WHERE receipt_due = 1 ORDER BY seen_at_ms, message_id')
    .flatMap(({ message_id: messageId }) => findMessage(vault, messageId) ?? [])
}

/** The receipt for this state is sealed, or there is nobody to send it to. One that became due meanwhile stays. */
export function finishReceipt(vault: Vault, { messageId, state }: Message): void {
  vault.run('UPDATE inbox SET receipt_due = 0 WHERE message_id = ? AND state = ?', messageId, state)
}
