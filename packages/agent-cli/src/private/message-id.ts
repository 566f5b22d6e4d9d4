const MESSAGE_ID = /^msg_[0-9a-f]{32}$/

/** The name of a message on this machine and its sender's: `msg_` and its slot id in hex. It never goes to the platform. */
export function toMessageId(slotId: Uint8Array): string {
  return `msg_${Buffer.from(slotId).toString('hex')}`
}

/** @returns whether a text can be the name of a message. */
export function isMessageId(text: string): boolean {
  return MESSAGE_ID.test(text)
}
