import type { Vault } from './vault.ts'

const MIB = 1024 * 1024

/** Bytes of this disk that the inbox may take, whoever fills it. */
export interface InboxLimits {
  readonly sender: number
  /** All senders together that this agent never wrote to and has not verified. */
  readonly strangers: number
  readonly all: number
}

/** An order and its report are some KiB; files are not in the inbox. */
export const INBOX_LIMITS: InboxLimits = { sender: 64 * MIB, strangers: 256 * MIB, all: 1024 * MIB }

/** How much room there is, measured once and kept up to date by who uses it. */
export interface InboxRoom {
  /** Whether `bytes` more of this sender may be kept; `null` stands for evidence, which is of nobody. */
  has(from: string | null, bytes: number): boolean
  take(from: string | null, bytes: number): void
}

/** Measure the inbox: frames and documents, also frames kept as evidence. */
export function measureRoom(vault: Vault, limits: InboxLimits): InboxRoom {
  const senders = vault.all<{ from_id: string | null; bytes: number }>(
    'SELECT from_id, sum(coalesce(length(frame), 0) + coalesce(length(doc), 0)) AS bytes FROM inbox GROUP BY from_id',
  )
  // A receipt goes to everybody who asks for one.
  const known = vault.all<{ agent_id: string }>(
    "SELECT to_id AS agent_id FROM outbox WHERE typ <> 'receipt' UNION SELECT agent_id FROM contacts WHERE verified = 1",
  )
  const isKnown = new Set<string | null>(known.map((row) => row.agent_id))
  const used = new Map(senders.map((row) => [row.from_id, row.bytes]))
  let all = 0
  let strangers = 0
  for (const [from, bytes] of used) {
    all += bytes
    if (!isKnown.has(from)) strangers += bytes
  }
  return {
    has(from, bytes) {
      if (all + bytes > limits.all || (used.get(from) ?? 0) + bytes > limits.sender) return false
      return isKnown.has(from) || strangers + bytes <= limits.strangers
    },
    take(from, bytes) {
      all += bytes
      used.set(from, (used.get(from) ?? 0) + bytes)
      if (!isKnown.has(from)) strangers += bytes
    },
  }
}
