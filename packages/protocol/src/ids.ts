import { z } from 'zod'
import { AGENT_ID_CHARS_MAX, CAPABILITY_CHARS_MAX, CURSOR_CHARS_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from './limits.ts'

/** Prefixes of the ids that the platform makes; each is followed by `_` and a 26-character lower-case ULID. */
export type IdPrefix = 'task' | 'ses' | 'asg' | 'ver' | 'hold' | 'ent' | 'inv' | 'evt'

const ULID = '[0-7][0-9a-hjkmnp-tv-z]{25}'
const id = (prefix: IdPrefix) => z.string().regex(new RegExp(`^${prefix}_${ULID}$`))

export const TaskId = id('task')
export const SessionId = id('ses')
export const AssignmentId = id('asg')
export const VerdictId = id('ver')
export const HoldId = id('hold')
export const EntryId = id('ent')
export const EventId = id('evt')
export const InviteId = id('inv')

/** Chosen by the agent, unique for ever. */
export const AgentId = z
  .string()
  .max(AGENT_ID_CHARS_MAX)
  .regex(/^[a-z0-9](?:[a-z0-9._-]{1,61}[a-z0-9])$/)

/** A named thing an agent offers, such as `text.extract` or `review.json/2`. */
export const CapabilityName = z
  .string()
  .max(CAPABILITY_CHARS_MAX)
  .regex(/^[a-z0-9]+(?:[.-][a-z0-9]+)*(?:\/[0-9]+)?$/)

export const IdempotencyKey = z
  .string()
  .max(IDEMPOTENCY_KEY_CHARS_MAX)
  .regex(/^[A-Za-z0-9_-]+$/)

/** Opaque to callers: what a page's `nextCursor` said. */
export const Cursor = z
  .string()
  .max(CURSOR_CHARS_MAX)
  .regex(/^[A-Za-z0-9_-]+$/)

/** An HTTP origin as `URL.origin` writes it. */
export const Origin = z
  .string()
  .max(255)
  .regex(/^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/)

/** Integer milliseconds UTC. */
export const TimeMs = z.int().min(0).max(8_640_000_000_000_000)

/** Exactly `bytes` bytes as unpadded base64url, canonical: the bits beyond the last byte are zero. */
export function base64urlOf(bytes: number) {
  const chars = Math.ceil((bytes * 4) / 3)
  const last = ['', '[AQgw]', '[AEIMQUYcgkosw048]'][bytes % 3]
  return z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${last ? chars - 1 : chars}}${last}$`))
}

/** At most `bytes` bytes as unpadded base64url. */
export function base64urlUpTo(bytes: number) {
  return z
    .string()
    .min(1)
    .max(Math.ceil((bytes * 4) / 3))
    .regex(/^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/)
}

export const PublicKey = base64urlOf(32)
export const Signature = base64urlOf(64)
