import type { Assignment, Contact } from '@agent-marketplace/protocol'

/** Somebody who gets the keys of work. */
export interface KeyRecipient {
  readonly to: string
  /** Its card and prekey in the buyer's word, where the platform need not hear of it. */
  readonly vouched?: Contact | undefined
}

/** Who gets the keys of work that passed: the buyer, and whom it names beside itself; it vouches for that card by signing the order or the brief. */
export function recipientsOf({ buyerId }: Pick<Assignment, 'buyerId'>, deliverTo: Contact | undefined): KeyRecipient[] {
  const isOther = deliverTo !== undefined && deliverTo.agentId !== buyerId
  return [{ to: buyerId }, ...(isOther ? [{ to: deliverTo.agentId, vouched: deliverTo }] : [])]
}
